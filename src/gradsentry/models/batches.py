"""Which rows are computed together.

The plan depends on the rows' contents alone: rows are ordered by length and digest, equal rows are
computed once. So the same data give bit-identical scores whatever the order of the rows, although
the rounding of a row's numbers depends on the shape of its batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import EncodedStore


@dataclass(frozen=True)
class BatchPlan:
    """The distinct rows of a store in the order of computing, cut into batches."""

    rows: NDArray[np.int64]
    """Shape (distinct,): store indices, longest row first."""
    copy_of: NDArray[np.int64]
    """Shape (stored,): for every stored row the position in `rows` of its equal."""
    starts: NDArray[np.int64]
    """Shape (batches + 1,): positions in `rows` where batches start, and the end."""
    max_tokens: int
    """Tokens that a batch may have, padding included."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batch(self, index: int) -> NDArray[np.int64]:
        """The store indices of one batch."""
        return self.rows[self.starts[index] : self.starts[index + 1]]


def plan_batches(store: EncodedStore, max_tokens: int) -> BatchPlan:
    """Cut the distinct rows into batches of at most `max_tokens` tokens, padding included.

    A row longer than that gets a batch of its own. The longest come first: memory runs out at the
    start, if at all, and the remaining time is never underestimated.
    """
    _, first, copy_of = np.unique(store.digests, return_index=True, return_inverse=True)
    # np.unique orders by digest; a stable sort by length keeps that order among equals.
    order = np.argsort(-store.lengths[first], kind="stable")
    rows = first[order]
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    starts = batch_starts(store.lengths[rows], max_tokens)
    return BatchPlan(rows, position[copy_of], starts, max_tokens)


def batch_starts(lengths: NDArray[np.integer], max_tokens: int) -> NDArray[np.int64]:
    """Where batches of rows start, and the end: shape (batches + 1,).

    **Arguments:**

    - `lengths`: shape (rows,): tokens of each row, longest first.
    """
    starts = [0]
    while starts[-1] < len(lengths):
        longest = int(lengths[starts[-1]])
        starts.append(min(len(lengths), starts[-1] + max(1, max_tokens // longest)))
    return np.asarray(starts)
