"""How a scan tells what it is doing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the stages of a scan; the command line shows them, a caller may."""

    def note(self, line: str) -> None:
        """One line that the user should see now."""
        ...

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        """A stage starts, with `total` to do if that is known.

        **Arguments:**

        - `unit`: what is counted, in the plural.
        """
        ...

    def advance(self, done: int) -> None:
        """So many more of the stage's units are done."""
        ...


class Silent:
    """Shows nothing."""

    def note(self, line: str) -> None: ...

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None: ...

    def advance(self, done: int) -> None: ...
