"""How a scan tells what it is doing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the stages of a scan; the command line shows them, a caller may."""

    def note(self, line: str) -> None:
        """One line that the user should see now."""
        ...

    def stage(self, name: str, total: int | None) -> None:
        """A stage starts, with `total` rows to do if that is known."""
        ...

    def advance(self, rows: int) -> None:
        """More rows of the stage are done."""
        ...


class Silent:
    """Shows nothing."""

    def note(self, line: str) -> None: ...

    def stage(self, name: str, total: int | None) -> None: ...

    def advance(self, rows: int) -> None: ...
