"""Running out of memory: an error of the data or the settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from gradsentry.errors import OptionError


@contextlib.contextmanager
def enough_memory() -> Iterator[None]:
    """Turn running out of memory into an error with a remedy.

    **Raises:**

    `OptionError` where memory ran out, on the device or beside it.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On a CPU, PyTorch raises a plain RuntimeError.
        if isinstance(error, RuntimeError) and not (
            isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
        ):
            raise
        raise OptionError(
            "The scan takes more memory than there is.",
            "Lower --batch-tokens or --max-length, take a smaller model, or free some memory.",
        ) from None
