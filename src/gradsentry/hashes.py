"""Texts as numbers of eight bytes: those that occur once needn't be kept to know that they do."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradsentry.file_array import FileArrayWriter

Hashes = NDArray[np.uint64]

_AT_ONCE = 1 << 20
_PARTS = 16
"""Parts of all hashes that are sorted one after the other; bounds memory."""
_FIRST_BYTE = 7 if sys.byteorder == "little" else 0
"""Its upper half says in which part a hash is."""


def hashed(texts: Iterable[str]) -> Hashes:
    """The hash of each text.

    Python's own, whose key is drawn for every process: nobody can write texts that share one, and
    nothing may depend on their order or be kept.
    """
    return np.fromiter(map(hash, texts), np.int64).view(np.uint64)


@dataclass(frozen=True, eq=False)
class HashedRows:
    """The hashes of what rows hold, each once a row, in one array."""

    values: Hashes
    starts: NDArray[np.int64]
    """Shape (rows,): where a row's hashes start. They ascend."""
    ends: NDArray[np.int64]
    """Behind its last."""

    @classmethod
    def in_file(cls, rows: Iterable[Hashes], path: Path) -> HashedRows:
        """The hashes of one row after the other, in a new file instead of in memory."""
        values = FileArrayWriter(path, np.uint64)
        offsets = FileArrayWriter(path.with_name(f"{path.name}_starts"), np.int64)
        offsets.append(0)
        with closing(values), closing(offsets):
            for own in rows:
                values.extend(np.unique(own))
                offsets.append(len(values))
        borders = offsets.finish()
        return cls(values.finish(), borders[:-1], borders[1:])

    @classmethod
    def of(cls, rows: Iterable[Hashes]) -> HashedRows:
        """The hashes of one row after the other."""
        values, offsets = array("Q"), array("q", [0])
        for own in rows:
            values.frombytes(np.unique(own).tobytes())
            offsets.append(len(values))
        borders = np.frombuffer(offsets, np.int64)
        return cls(np.frombuffer(values, np.uint64), borders[:-1], borders[1:])

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, row: int) -> Hashes:
        return self.values[self.starts[row] : self.ends[row]]

    def take(self, rows: NDArray[np.int64]) -> HashedRows:
        """Some rows, in the order given; nothing is copied."""
        return HashedRows(self.values, self.starts[rows], self.ends[rows])

    def frequencies(self, fewest: int) -> tuple[Hashes, NDArray[np.int64]]:
        """The hashes that so many rows have, ascending, and of each the number of rows."""
        found = [np.empty(0, np.uint64)]
        numbers = [np.empty(0, np.int64)]
        for places in self._parts():
            values, counts = np.unique(self.values[places], return_counts=True)
            found.append(values[counts >= fewest])
            numbers.append(counts[counts >= fewest])
        return np.concatenate(found), np.concatenate(numbers)

    def recurring(self, fewest: int) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Each hash that so many rows have, ascending, with these rows, ascending.

        Of rows in the order in which they were hashed.
        """
        for places in self._parts():
            own = self.values[places]
            order = np.argsort(own, kind="stable")
            rows = (np.searchsorted(self.starts, places[order], side="right") - 1).astype(np.int32)
            ranked = own[order]
            first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])[: len(ranked)])
            starts = np.append(first, len(ranked))
            for place in np.flatnonzero(np.diff(starts) >= fewest).tolist():
                yield int(ranked[starts[place]]), rows[starts[place] : starts[place + 1]]

    def _parts(self) -> Iterator[NDArray[np.int64]]:
        """The places of the hashes of one range after the other."""
        first_bytes = self.values.view(np.uint8)[_FIRST_BYTE::8]
        for part in range(_PARTS):
            yield np.concatenate(
                [
                    start + np.flatnonzero(first_bytes[start : start + _AT_ONCE] // _PARTS == part)
                    for start in range(0, max(1, len(first_bytes)), _AT_ONCE)
                ]
            )


def held_in(hashes: Hashes, values: Hashes) -> NDArray[np.bool_]:
    """Which of some hashes are among others, which ascend."""
    if len(values) == 0:
        return np.zeros(len(hashes), dtype=np.bool_)
    found: NDArray[np.bool_] = values[places_in(hashes, values)] == hashes
    return found


def places_in(hashes: Hashes, values: Hashes) -> NDArray[np.int64]:
    """Where hashes stand among others, which ascend, if they are there."""
    return np.minimum(np.searchsorted(values, hashes), len(values) - 1)
