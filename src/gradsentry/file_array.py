"""Arrays that are written once, number by number, and then read from their file.

What the system maps from a file it can drop again when memory is short, so that only what is in use
takes memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

_BUFFERED = 1 << 16


def open_new(path: Path) -> BinaryIO:
    """A new file in the place of whatever has its name: what was mapped of that stays as it is, and
    a link isn't followed."""
    path.unlink(missing_ok=True)
    return path.open("xb", buffering=_BUFFERED)


def in_file(numbers: NDArray[Any], path: Path) -> NDArray[Any]:
    """The same numbers, flat ones, in a new file instead of in memory."""
    writer = FileArrayWriter(path, numbers.dtype)
    try:
        for start in range(0, len(numbers), _BUFFERED):
            writer.extend(numbers[start : start + _BUFFERED])
    finally:
        writer.close()
    return writer.finish()


class FileArrayWriter:
    """Appends to an array in a new file."""

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self._path, self._dtype = path, np.dtype(dtype)
        self._file = open_new(path)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, number: int) -> None:
        """One more."""
        self.extend(np.array([number], self._dtype))

    def extend(self, numbers: NDArray[Any]) -> None:
        """Some more, of the array's own kind."""
        self._file.write(numbers.astype(self._dtype, copy=False).tobytes())
        self._count += len(numbers)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def finish(self) -> NDArray[Any]:
        """All of them."""
        self.close()
        if not self._count:
            return np.empty(0, self._dtype)
        return np.memmap(self._path, self._dtype, "r", shape=(self._count,))
