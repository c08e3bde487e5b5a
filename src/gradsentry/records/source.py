"""What every kind of data offers the scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
        """Write one file (or folder) per part: the rows where its mask (N,) is true, in order.

        Returns part name to file name within `folder`.
        """
        ...

    def select(self, mask: BoolArray) -> object:
        """The rows where `mask` (N,) is true: the kind of object that was given, or a `Dataset`."""
        ...
