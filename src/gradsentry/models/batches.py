"""Which rows are computed together, and in which order.

The plan depends on the rows' contents alone, and equal rows are computed once. So the same data
give bit-identical scores whatever the order of the rows, although the rounding of a row's numbers
depends on its batch.

For models that compute shared prefixes once (`models.packing`), rows are ordered by their tokens:
a row's longest shared prefix is then with the row before it. For others they are ordered by
length, so that little is padded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import EncodedStore, TokenIds
from gradsentry.models.packing import shared_length

_BLOCK, _ROWS_AT_ONCE = 32, 65_536
"""Tokens, and rows, compared at once."""
_MOST_SHARED = 16
"""How many times the tokens of a batch its rows may have, counting shared ones in each row."""


@dataclass(frozen=True)
class Batching:
    """How rows are ordered and cut into batches."""

    max_tokens: int
    """Tokens that a batch may have, padding included. A row longer than that gets its own."""
    shares_prefixes: bool
    """Whether a prefix that rows of a batch share counts, and is computed, once."""

    def order(self, store: EncodedStore, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of a store in the order of computing, whatever their order was.

        Rows of equal tokens keep it. Without sharing the longest come first: if memory runs out,
        then at the start.
        """
        if self.shares_prefixes:
            return rows[_token_order(store, rows)]
        return rows[np.argsort(-store.lengths[rows], kind="stable")]

    def batches(self, store: EncodedStore, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Places in `rows`, which are in the order of computing, batch by batch."""
        for start, end in pairwise(self.starts(store, rows).tolist()):
            yield np.arange(start, end)

    def of_rows(self, rows: Sequence[TokenIds]) -> Iterator[list[int]]:
        """Places of rows that are in memory, batch by batch, in the order of computing."""
        if self.shares_prefixes:
            order = sorted(range(len(rows)), key=lambda row: rows[row].tolist())
            shared = [shared_length(*pair) for pair in pairwise(rows[row] for row in order)]
            lengths = np.array([len(rows[row]) for row in order])
            starts = packed_starts(lengths, np.array([0, *shared]), self.max_tokens)
        else:
            order = sorted(range(len(rows)), key=lambda row: -len(rows[row]))
            starts = padded_starts(np.array([len(rows[row]) for row in order]), self.max_tokens)
        for start, end in pairwise(starts.tolist()):
            yield order[start:end]

    def starts(self, store: EncodedStore, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where batches of rows start, and the end: shape (batches + 1,)."""
        if self.shares_prefixes:
            lengths = store.lengths[rows]
            return packed_starts(lengths, shared_lengths(store, rows), self.max_tokens)
        return padded_starts(store.lengths[rows], self.max_tokens)


@dataclass(frozen=True)
class BatchPlan:
    """The distinct rows of a store in the order of computing, cut into batches."""

    rows: NDArray[np.int64]
    """Shape (distinct,): store indices."""
    copy_of: NDArray[np.int64]
    """Shape (stored,): for every stored row the position in `rows` of its equal."""
    starts: NDArray[np.int64]
    """Shape (batches + 1,): positions in `rows` where batches start, and the end."""
    batching: Batching

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batch(self, index: int) -> NDArray[np.int64]:
        """The store indices of one batch."""
        return self.rows[self.starts[index] : self.starts[index + 1]]


def plan_batches(store: EncodedStore, batching: Batching) -> BatchPlan:
    """Order the distinct rows and cut them into batches."""
    _, first, copy_of = np.unique(store.digests, return_index=True, return_inverse=True)
    # np.unique orders by digest, and rows of equal tokens or of equal length keep that order.
    place_of = np.full(len(store), -1, np.int64)
    place_of[first] = np.arange(len(first))
    rows = batching.order(store, first)
    position = np.empty(len(rows), np.int64)
    position[place_of[rows]] = np.arange(len(rows))
    return BatchPlan(rows, position[copy_of], batching.starts(store, rows), batching)


def padded_starts(lengths: NDArray[np.integer], max_tokens: int) -> NDArray[np.int64]:
    """Where batches start, and the end, of rows that are padded to the longest of their batch.

    **Arguments:**

    - `lengths`: shape (rows,): tokens of each row, longest first.
    """
    starts = [0]
    while starts[-1] < len(lengths):
        longest = int(lengths[starts[-1]])
        starts.append(min(len(lengths), starts[-1] + max(1, max_tokens // longest)))
    return np.asarray(starts)


def packed_starts(
    lengths: NDArray[np.integer], shared: NDArray[np.integer], max_tokens: int
) -> NDArray[np.int64]:
    """Where batches start, and the end, of rows whose shared prefixes count once.

    A batch that starts with a row computes the whole of it again. So batches that are half full
    end where the next row shares least. What isn't computed twice still takes memory behind the
    body, if it is a target, so that is bounded, too.

    **Arguments:**

    - `lengths`: shape (rows,): tokens of each row.
    - `shared`: shape (rows,): how many of them it shares with the row before it.
    """
    sizes, overlaps = lengths.tolist(), shared.tolist()
    starts = [0]
    while starts[-1] < len(sizes):
        start = starts[-1]
        used, whole, end, cheapest = sizes[start], sizes[start], start + 1, start + 1
        while (
            end < len(sizes)
            and used + sizes[end] - overlaps[end] <= max_tokens
            and whole + sizes[end] <= _MOST_SHARED * max_tokens
        ):
            used += sizes[end] - overlaps[end]
            whole += sizes[end]
            end += 1
            if end < len(sizes) and (2 * used < max_tokens or overlaps[end] <= overlaps[cheapest]):
                cheapest = end
        starts.append(len(sizes) if end == len(sizes) else cheapest)
    return np.asarray(starts)


def shared_lengths(store: EncodedStore, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of its first tokens each row has in common with the row before it.

    Shape (rows,); 0 for the first.
    """
    shared = np.zeros(len(rows), np.int64)
    for first in range(1, len(rows), _ROWS_AT_ONCE):
        places, start = np.arange(first, min(first + _ROWS_AT_ONCE, len(rows))), 0
        while len(places):
            own = store.block(rows[places], start, _BLOCK)
            same = (own == store.block(rows[places - 1], start, _BLOCK)) & (own >= 0)
            shared[places] += np.where(same.all(1), _BLOCK, same.argmin(1))
            places, start = places[same.all(1)], start + _BLOCK
    return shared


def _token_order(store: EncodedStore, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stable order of rows by their tokens: a prefix comes before what it starts.

    Block by block, and from then on only rows that are equal so far: memory for a block a row.
    """
    order = np.arange(len(rows))
    groups = [(0, len(rows))]  # stretches of `order` whose rows are equal so far
    start = 0
    while groups:
        places = np.concatenate([np.arange(*group) for group in groups])
        group_of = np.repeat(np.arange(len(groups)), [end - begin for begin, end in groups])
        block = store.block(rows[order[places]], start, _BLOCK)
        sorted_places = np.lexsort((*block.T[::-1], group_of))
        order[places] = order[places[sorted_places]]
        block, group_of = block[sorted_places], group_of[sorted_places]
        differs = (block[1:] != block[:-1]).any(1) | (group_of[1:] != group_of[:-1])
        borders = [0, *(np.flatnonzero(differs) + 1).tolist(), len(places)]
        groups = [
            (int(places[begin]), int(places[begin]) + end - begin)
            for begin, end in pairwise(borders)
            if end - begin > 1 and block[begin, -1] >= 0
        ]
        start += _BLOCK
    return order
