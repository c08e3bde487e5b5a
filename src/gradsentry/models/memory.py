"""How much memory is free, and what glibc's allocator does with memory that was freed."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

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


def free_memory() -> int | None:
    """Bytes that a program may still take, swap included; None where the system doesn't tell.

    In a container this is no more than the container's limit.
    """
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kibibytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        free = (kibibytes["MemAvailable"] + kibibytes["SwapFree"]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return free
    return min(free, int(limit)) if limit.isdigit() else free
