"""Which rows are computed together, and in which order.

The plan depends on the rows' contents alone, and equal rows are computed once. So the same data
give bit-identical scores whatever the order of the rows, although the rounding of a row's numbers
depends on its batch.

Rows are ordered by length, so that little is padded. For models that compute shared prefixes once
(`models.packing`), so are families of rows that share most of what they have; a family is ordered
by its tokens, so that a row's longest shared prefix is with the row before it.
"""

from __future__ import annotations

import math
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
_BATCH_COST = 512
"""What a batch costs besides its tokens, in tokens (docs/findings/speed.md)."""


@dataclass(frozen=True)
class Batching:
    """How rows are ordered and cut into batches."""

    max_tokens: int
    """Tokens that a batch may have, padding included. A row longer than that gets its own."""
    shares_prefixes: bool
    """Whether a prefix that rows of a batch share counts, and is computed, once."""

    def order(self, store: EncodedStore, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of a store in the order of computing, whatever their order was.

        Rows of equal tokens keep it. The longest come first: if memory runs out, then at the start.
        """
        if self.shares_prefixes:
            rows = rows[_token_order(store, rows)]
            return rows[_family_order(store.lengths[rows], shared_lengths(store, rows))]
        return rows[np.argsort(-store.lengths[rows], kind="stable")]

    def batches(self, store: EncodedStore, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Places in `rows`, which are in the order of computing, batch by batch."""
        for start, end in pairwise(self.starts(store, rows).tolist()):
            yield np.arange(start, end)

    def of_rows(self, rows: Sequence[TokenIds]) -> Iterator[list[int]]:
        """Places of rows that are in memory, batch by batch, in the order of computing."""
        if self.shares_prefixes:
            order = sorted(range(len(rows)), key=lambda row: rows[row].tolist())
            families = _family_order(*_lengths_and_shared([rows[row] for row in order]))
            order = [order[place] for place in families]
            lengths, shared = _lengths_and_shared([rows[row] for row in order])
            starts = packed_starts(lengths, shared, self.max_tokens)
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


@dataclass(frozen=True, eq=False)
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

    A batch that starts with a row computes the whole of it again, and has costs of its own. So it
    ends where that is least for each of its tokens: where the next row shares little, and where
    it is nearly full. What isn't computed twice still takes memory behind the body, if it is a
    target, so that is bounded, too.

    **Arguments:**

    - `lengths`: shape (rows,): tokens of each row.
    - `shared`: shape (rows,): how many of them it shares with the row before it.
    """
    sizes, overlaps = lengths.tolist(), shared.tolist()
    starts = [0]
    while starts[-1] < len(sizes):
        end, used, whole = starts[-1], 0, 0
        best, least = end, math.inf
        while end < len(sizes):
            added = sizes[end] - (overlaps[end] if used else 0)
            full = used + added > max_tokens or whole + sizes[end] > _MOST_SHARED * max_tokens
            if used and full:
                break
            used, whole, end = used + added, whole + sizes[end], end + 1
            cost = (_BATCH_COST + overlaps[end]) / used if end < len(sizes) else 0
            if cost <= least:
                best, least = end, cost
        starts.append(best)
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


def _lengths_and_shared(
    rows: Sequence[TokenIds],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Shapes (rows,): a row's tokens, and how many of them it shares with the row before."""
    shared = [shared_length(*pair) for pair in pairwise(rows)]
    return np.array([len(row) for row in rows]), np.array([0, *shared][: len(rows)])


def _family_order(lengths: NDArray[np.integer], shared: NDArray[np.integer]) -> NDArray[np.int64]:
    """The order of rows, which are ordered by their tokens, in which families go by length.

    A row is of the family of the row before it if they share half of its tokens. Attention is
    padded to the longest row of a group, so rows that share little had better be of one length.

    **Arguments:**

    - `lengths`: shape (rows,): tokens of each row.
    - `shared`: shape (rows,): how many of them it shares with the row before it.
    """
    begins = 2 * shared < lengths
    begins[:1] = True
    family = np.cumsum(begins) - 1
    longest = np.maximum.reduceat(lengths, np.flatnonzero(begins)) if len(lengths) else lengths
    return np.lexsort((family, -longest[family])).astype(np.int64)


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
