"""Faults of the machine, such as a full disk: what the user is told of them.

Libraries raise them in many ways, from anywhere. Whoever can name the place of a fault and the
remedy catches it there; this is for the others, so that none of them looks like a fault of ours.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator

from gradsentry.errors import GradSentryError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
_NO_MEMORY_IN_WORDS = (
    *("can't allocate memory", "not enough memory", "out of memory", "bad_alloc"),
    *("cannot allocate memory", "failed to map segment"),
)
"""How torch's allocators and the system's loader say so."""


@contextlib.contextmanager
def telling_faults() -> Iterator[None]:
    """Turn a fault of the machine into an error with a remedy; what else goes wrong stays.

    **Raises:**

    `GradSentryError`.
    """
    try:
        yield
    except GradSentryError:
        raise
    except Exception as error:
        told = told_of(error)
        if told is None:
            raise
        raise told from error


def told_of(error: BaseException) -> GradSentryError | None:
    """What the user is told of a fault of the machine; None if it is none."""
    if isinstance(error, GradSentryError):
        return error
    if lacks_memory(error):
        return GradSentryError(
            f"There is too little memory ({first_line(error)}).",
            "Use a smaller `batch_tokens`, `max_length` or `fit_tokens`, a smaller model, or a "
            "machine with more memory.",
        )
    if isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error):
        return _too_many_open("")
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return GradSentryError(
            "The system lets this process start no more threads.", "Raise the limit (ulimit -u)."
        )
    # `UnsupportedOperation` is no answer of the system, although it is an `OSError`.
    if isinstance(error, OSError) and not isinstance(error, io.UnsupportedOperation):
        return _of_the_system(error)
    return None


def no_space(error: OSError) -> bool:
    """Whether a disk or a quota is full."""
    return error.errno in NO_SPACE


def too_many_files(error: OSError) -> bool:
    """Whether too many files are open."""
    return error.errno in _TOO_MANY_FILES


def first_line(error: BaseException) -> str:
    """What an error says, on one line; its kind if it says nothing."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]


def _of_the_system(error: OSError) -> GradSentryError:
    named = error.filename if isinstance(error.filename, str) else ""
    place = f"{named}: " if named else ""
    if no_space(error):
        return GradSentryError(
            f"{place}the disk is full.", "Free some space, and run the command again."
        )
    if too_many_files(error):
        return _too_many_open(place)
    reason = error.strerror or first_line(error)
    return GradSentryError(
        f"{place}the system refused to read or write ({reason}).",
        "Check the path, its permissions and the disk, and run the command again.",
    )


def _too_many_open(place: str) -> GradSentryError:
    return GradSentryError(
        f"{place}the system lets this process open no more files.",
        "Raise the limit (ulimit -n), and run the command again.",
    )


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that memory is used up."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # Libraries are loaded late, and then there may be no room for them.
    return isinstance(error, RuntimeError | ImportError) and any(
        words in str(error).lower() for words in _NO_MEMORY_IN_WORDS
    )
