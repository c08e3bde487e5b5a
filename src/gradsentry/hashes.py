"""Texts as numbers of eight bytes: those that occur once needn't be kept to know that they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_PARTS = 16
"""Parts of all hashes that are sorted one after the other; bounds memory."""


def hashed(texts: Iterable[str]) -> Hashes:
    """The hash of each text.

    Python's own, whose key is drawn for every process: nobody can write texts that share one, and
    nothing may depend on their order or be kept.
    """
    return np.fromiter(map(hash, texts), np.int64).view(np.uint64)


def recurring_rows(
    hashes: Sequence[Hashes], fewest: int
) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Each hash that so many rows have, ascending, with these rows, ascending.

    **Arguments:**

    - `hashes`: of each row, ascending, each once.
    """
    for values, starts, rows in _by_hash(hashes):
        counts = np.diff(starts)
        for place in np.flatnonzero(counts >= fewest).tolist():
            yield int(values[place]), rows[starts[place] : starts[place + 1]]


def frequencies(hashes: Sequence[Hashes], fewest: int) -> tuple[Hashes, NDArray[np.int64]]:
    """The hashes that so many rows have, ascending, and of each the number of rows.

    Arguments as in `recurring_rows`.
    """
    found = [np.empty(0, np.uint64)]
    numbers = [np.empty(0, np.int64)]
    for part in _parts(hashes):
        values, counts = np.unique(np.concatenate(part), return_counts=True)
        found.append(values[counts >= fewest])
        numbers.append(counts[counts >= fewest])
    return np.concatenate(found), np.concatenate(numbers)


def held_in(hashes: Hashes, values: Hashes) -> NDArray[np.bool_]:
    """Which of some hashes are among others, which ascend."""
    if len(values) == 0:
        return np.zeros(len(hashes), dtype=np.bool_)
    found: NDArray[np.bool_] = values[places_in(hashes, values)] == hashes
    return found


def places_in(hashes: Hashes, values: Hashes) -> NDArray[np.int64]:
    """Where hashes stand among others, which ascend, if they are there."""
    return np.minimum(np.searchsorted(values, hashes), len(values) - 1)


def _by_hash(
    hashes: Sequence[Hashes],
) -> Iterator[tuple[Hashes, NDArray[np.int64], NDArray[np.int32]]]:
    """For each part of the hashes: the hashes, where their rows start, and the rows."""
    for part in _parts(hashes):
        flat = np.concatenate(part)
        order = np.argsort(flat, kind="stable")
        row = np.repeat(np.arange(len(part), dtype=np.int32), [len(own) for own in part])
        ranked = flat[order]
        first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])[: len(ranked)])
        yield ranked[first], np.append(first, len(ranked)), row[order]


def _parts(hashes: Sequence[Hashes]) -> Iterator[list[Hashes]]:
    """The rows' hashes of one range after the other."""
    borders = np.arange(1, _PARTS, dtype=np.uint64) * np.uint64(2**64 // _PARTS)
    cuts = [np.searchsorted(own, borders).tolist() for own in hashes]
    for part in range(_PARTS if hashes else 0):
        yield [
            own[(cut[part - 1] if part else 0) : (cut[part] if part < _PARTS - 1 else None)]
            for own, cut in zip(hashes, cuts, strict=True)
        ]
