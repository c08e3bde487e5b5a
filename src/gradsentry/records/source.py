"""What every kind of data offers the scan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gradsentry.records.record import Record

BoolArray = NDArray[np.bool_]


class Source(Protocol):
    """Rows that can be read more than once, and written back in the form they came in."""

    @property
    def label(self) -> str:
        """How messages and reports name the data."""
        ...

    @property
    def paths(self) -> Sequence[Path]:
        """The files and folders that the rows are read from; none for rows in memory."""
        ...

    @property
    def digest(self) -> str | None:
        """What says whether files were the same: a digest of their bytes, as soon as all rows were
        read once. None before, and for rows that aren't in files."""
        ...

    def records(self) -> Iterator[Record]:
        """Stream the rows in order.

        **Raises:**

        `InputError`, naming the row, where the data can't be read.
        """
        ...

    def check_writable(self) -> None:
        """Look, before a scan, whether its rows can be written.

        **Raises:**

        `InputError` if not.
        """
        ...

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        """Write the rows where the mask (N,) of a part is true, in order: a file for each part or,
        of data in several files, a folder in which they keep their names.

        Returns part name to file or folder name within `folder`; a part without rows has no folder.
        """
        ...

    def select(self, mask: BoolArray) -> object:
        """The rows where `mask` (N,) is true: the kind of object that was given, or a `Dataset`."""
        ...


def joint_digest(digests: Sequence[str | None]) -> str | None:
    """One digest of several files' digests; that of a single file is its own."""
    if None in digests:
        return None
    known = [digest for digest in digests if digest is not None]
    if len(known) == 1:
        return known[0]
    return hashlib.blake2b(" ".join(known).encode(), digest_size=16).hexdigest()
