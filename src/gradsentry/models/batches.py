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
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import EncodedStore, TokenIds
from gradsentry.models.packing import shared_length

_BLOCK, _ROWS_AT_ONCE = 32, 16_384
"""Tokens, and rows, compared at once; bounds memory."""
_MOST_SHARED = 16
"""How many times the tokens of a batch its rows may have, counting shared ones in each row."""
_BATCH_COST = 512
"""What a batch costs besides its tokens, in tokens (docs/findings/speed.md)."""


_Group = tuple[int, int, int]
"""Where rows that are equal so far begin and end, and how many tokens of them were looked at."""


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
    first, copy_of = _distinct_rows(store.digests)
    # They are ordered by digest, and rows of equal tokens or of equal length keep that order.
    rows = batching.order(store, first)
    position = np.empty(len(rows), np.int64)
    position[copy_of[rows]] = np.arange(len(rows))
    return BatchPlan(rows, position[copy_of], batching.starts(store, rows), batching)


def _distinct_rows(digests: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of equal rows, ordered by their digests, shape (distinct,); and for every row,
    which of them it equals.

    As `np.unique` gives them, in a third of the memory.

    **Arguments:**

    - `digests`: shape (rows,), of sixteen bytes.
    """
    words = digests.view(">u8").reshape(len(digests), 2)
    upper, lower = words[:, 0].astype(np.uint64), words[:, 1]
    order = np.argsort(upper, kind="stable")
    upper = upper[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = upper[1:] != upper[:-1]
    for first, last in _runs(begins):  # equal rows, and the few whose digests are half equal
        own = order[first:last]
        own = own[np.argsort(lower[own], kind="stable")]
        order[first:last] = own
        begins[first + 1 : last] = lower[own[1:]] != lower[own[:-1]]
    del upper
    numbers = np.cumsum(begins, dtype=np.int64)
    numbers -= 1
    copy_of = np.empty(len(order), np.int64)
    copy_of[order] = numbers
    return order[begins].astype(np.int64, copy=False), copy_of


def _runs(begins: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Where runs of more than one begin and end.

    **Arguments:**

    - `begins`: shape (rows,): whether a run begins with a row.
    """
    goes_on = np.append(~begins, False)
    for first in np.flatnonzero(begins & goes_on[1:]).tolist():
        yield first, first + 1 + int(np.argmin(goes_on[first + 1 :]))


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
    # No lists, which take several times the memory.
    sizes, overlaps = (array("i", part.astype(np.int32).tobytes()) for part in (lengths, shared))
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


def shared_lengths(store: EncodedStore, rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """How many of its first tokens each row has in common with the row before it.

    Shape (rows,); 0 for the first.
    """
    shared = np.zeros(len(rows), np.int32)
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
    longest = np.maximum.reduceat(lengths, np.flatnonzero(begins)) if len(lengths) else lengths
    # Stable: families of one length stay as they are, and so do the rows of each.
    return np.argsort(-longest[np.cumsum(begins, dtype=np.int32) - 1], kind="stable").astype(
        np.int64, copy=False
    )


def _token_order(store: EncodedStore, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stable order of rows by their tokens: a prefix comes before what it starts.

    Of many rows that begin alike one token is looked at, of few a block at a time.
    """
    order = np.arange(len(rows))
    # Stretches of `order` whose rows are equal so far, and up to which token.
    groups = [(0, len(rows), 0)]
    while groups:
        begin, end, start = groups.pop()
        if end - begin > _ROWS_AT_ONCE:
            groups += _split(store, rows, order, (begin, end, start))
            continue
        together, count = [(begin, end, start)], end - begin
        while groups and count + groups[-1][1] - groups[-1][0] <= _ROWS_AT_ONCE:
            together.append(groups.pop())
            count += together[-1][1] - together[-1][0]
        groups += _sort_block(store, rows, order, together)
    return order


def _split(
    store: EncodedStore, rows: NDArray[np.int64], order: NDArray[np.int64], group: _Group
) -> list[_Group]:
    """Sort a group by its first token that isn't the same in all rows; the groups that are left.

    **Arguments:**

    - `order`: the order of `rows` so far; the group's stretch of it is sorted.
    """
    begin, end, start = group
    own = order[begin:end]
    parts = [slice(first, first + _ROWS_AT_ONCE) for first in range(0, len(own), _ROWS_AT_ONCE)]
    while True:
        one = store.block(rows[own[:1]], start, _BLOCK)
        same = [(store.block(rows[own[part]], start, _BLOCK) == one).all(0) for part in parts]
        shared = np.logical_and.reduce(same) & (one[0] >= 0)
        if not shared.all():
            start += int(shared.argmin())
            break
        start += _BLOCK
    tokens = np.concatenate([store.block(rows[own[part]], start, 1)[:, 0] for part in parts])
    by_token = np.argsort(tokens, kind="stable")
    order[begin:end], tokens = own[by_token], tokens[by_token]
    borders = [0, *(np.flatnonzero(np.diff(tokens)) + 1).tolist(), len(tokens)]
    return [
        (begin + first, begin + last, start + 1)
        for first, last in pairwise(borders)
        if last - first > 1 and tokens[first] >= 0
    ]


def _sort_block(
    store: EncodedStore, rows: NDArray[np.int64], order: NDArray[np.int64], groups: list[_Group]
) -> list[_Group]:
    """Sort groups by a block of tokens each; the groups that are left.

    **Arguments:**

    - `order`: the order of `rows` so far; the groups' stretches of it are sorted.
    """
    sizes = [end - begin for begin, end, _ in groups]
    places = np.concatenate([np.arange(begin, end) for begin, end, _ in groups])
    group_of = np.repeat(np.arange(len(groups)), sizes)
    starts = np.repeat([start for _, _, start in groups], sizes)
    block = store.block(rows[order[places]], starts, _BLOCK)
    by_block = np.lexsort((*block.T[::-1], group_of))
    order[places] = order[places[by_block]]
    block = block[by_block]
    differs = (block[1:] != block[:-1]).any(1) | (np.diff(group_of) != 0)
    borders = [0, *(np.flatnonzero(differs) + 1).tolist(), len(places)]
    return [
        (int(places[first]), int(places[first]) + last - first, int(starts[first]) + _BLOCK)
        for first, last in pairwise(borders)
        if last - first > 1 and block[first, -1] >= 0
    ]
