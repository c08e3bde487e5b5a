"""What loaders of broken files raise, as errors that a user can mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gradsentry.errors import GradSentryError, ModelError


@contextmanager
def loading(problem: str, remedy: str) -> Iterator[None]:
    """Turn whatever a loader raises into a `ModelError`.

    Loaders of broken files raise whatever they meet. A panic inside of tokenizers is not even an
    `Exception`.

    **Arguments:**

    - `problem`: what couldn't be done; the reason is put behind it.
    """
    try:
        yield
    except (GradSentryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise ModelError(f"{problem} ({reason_of(error)}).", remedy) from None


def reason_of(error: BaseException) -> str:
    """The first line of an error's text, without its full stop, or of its kind."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removesuffix(".")
