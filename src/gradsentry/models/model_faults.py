"""What loaders of broken files raise, as errors that a user can mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradsentry.errors import GradSentryError, ModelError
from gradsentry.faults import lacks_memory


@contextmanager
def loading(problem: str, remedy: str, scratch: Path | None = None) -> Iterator[None]:
    """Turn whatever a loader raises into a `ModelError`.

    Loaders of broken files raise whatever they meet. A panic inside of tokenizers is not even an
    `Exception`.

    **Arguments:**

    - `problem`: what couldn't be done; the reason is put behind it.
    - `scratch`: a folder of ours, which says nothing to the user.
    """
    try:
        yield
    except (GradSentryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        reason = reason_of(error)
        if scratch is not None:
            reason = reason.replace(str(scratch), "the model's folder")
        raise ModelError(f"{problem} ({reason}).", remedy) from None


@contextmanager
def enough_memory(problem: str, remedy: str) -> Iterator[None]:
    """Say what to do if memory doesn't suffice.

    **Raises:**

    `ModelError` then: the problem with the reason behind it, and the remedy.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        raise ModelError(f"{problem} ({reason_of(error)}).", remedy) from None


def reason_of(error: BaseException) -> str:
    """What an error says, in one line without a full stop; its kind if it says next to nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Some put the reason behind a heading.
    text = " ".join(lines[:2] if lines and lines[0].endswith(":") else lines[:1])
    if isinstance(error, KeyError) or not text:
        text = f"{type(error).__name__} {text}".strip()
    return text.removesuffix(".")
