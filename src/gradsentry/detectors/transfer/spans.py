"""The stretch of a response that gains most: the payload, as far as the gain can say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy.typing import NDArray

_MARGIN = 1.0
"""Nats that a token must gain to lengthen a span."""


@dataclass(frozen=True, eq=False)
class Spans:
    """For each row the stretch of targets that gains most."""

    gain: Float64[np.ndarray, "rows"]
    """Sum of g − 1 over the stretch, in nats; 0 where no token gains a nat."""
    start: Int64[np.ndarray, "rows"]
    """The stretch's first target, counted from the row's first."""
    end: Int64[np.ndarray, "rows"]
    """Behind its last."""

    def take(self, rows: NDArray[np.int64]) -> Spans:
        """The spans of some rows."""
        return Spans(self.gain[rows], self.start[rows], self.end[rows])


def best_spans(gains: Float32[np.ndarray, "N"], offsets: NDArray[np.int64]) -> Spans:
    """Kadane's maximum-sum stretch of every row.

    **Arguments:**

    - `gains`: rows one after the other; what isn't finite counts as no gain.
    - `offsets`: shape (rows + 1,): where rows start, and the end.
    """
    rows = len(offsets) - 1
    best = Spans(np.zeros(rows), np.zeros(rows, np.int64), np.zeros(rows, np.int64))
    for row in range(rows):
        own = gains[offsets[row] : offsets[row + 1]].astype(np.float64)
        values = np.where(np.isfinite(own), own, 0.0) - _MARGIN
        sums = np.concatenate(([0.0], np.cumsum(values)))
        lowest = np.minimum.accumulate(sums)
        end = int(np.argmax(sums - lowest))
        best.gain[row] = sums[end] - lowest[end]
        best.end[row] = end
        best.start[row] = int(np.argmin(sums[: end + 1]))
    return best
