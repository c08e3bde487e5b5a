"""Rows of different lengths, laid one after the other in flat arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def offsets_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where rows with so many entries start, and the end: shape (rows + 1,)."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def spread(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of all entries of some rows, in the order of the rows given."""
    starts, ends = offsets[rows], offsets[rows + 1]
    lengths = ends - starts
    shift = np.repeat(starts - offsets_of(lengths)[:-1], lengths)
    places: NDArray[np.int64] = np.arange(int(lengths.sum())) + shift
    return places
