"""What glibc's allocator does with memory that was freed; elsewhere this changes nothing."""

from __future__ import annotations

import ctypes
import sys

import torch

_LARGEST_KEPT = (32 << 20) - 8192
"""The largest block, in bytes, that the allocator can be made to keep when it is freed."""


def keep_freed_memory() -> None:
    """Free one large block, so that blocks up to its size are kept for reuse from now on.

    The allocator gives larger blocks than it has seen freed back to the system at once. Then every
    layer's results are mapped and cleared anew, which takes up to a third of a forward pass
    (docs/findings/speed.md).
    """
    torch.empty(_LARGEST_KEPT, dtype=torch.uint8)  # nothing is written, so it takes no memory


def give_back_freed_memory() -> None:
    """Give what is kept back to the system, before a stage that needs blocks of other sizes."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
