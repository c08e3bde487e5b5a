"""The paper's threshold: the valley between the outermost peaks of the scores' density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.signal import find_peaks
from scipy.stats import gaussian_kde

FALLBACK = 0.7
"""The paper's threshold for scores whose density shows no usable valley."""

_GRID = 1000
_PROMINENCE = 0.01
_MIN_SCORES = 30
_MIN_PEAK_DISTANCE = 0.15
_MIN_ABOVE = 5
_MIN_SHARE_ABOVE = 0.01


@dataclass(frozen=True)
class Threshold:
    """A threshold τ and how it was found. Rows with a score above it are flagged."""

    value: float
    method: str
    """`kde-valley`, `fallback: <why>`, `evidence`, `clusters`, or `given`."""

    def flagged(self, scores: Float64[np.ndarray, "rows"]) -> Bool[np.ndarray, "rows"]:
        """Which scores lie above; NaN does not."""
        return scores > self.value


CLUSTERS = Threshold(0.5, "clusters")
"""Of detectors that compare rows: a score above one half is a flagged row."""


def kde_valley(scores: Float64[np.ndarray, "rows"]) -> Threshold:
    """The automatic threshold for finite scores in [0, 1] (paper, section on thresholds).

    A Gaussian kernel density with Silverman's bandwidth 1.06·σ̂·N^(-1/5), on 1,000 points between
    the smallest and the largest score; peaks with a prominence of at least 1% of the density's
    maximum; τ is the density's lowest point between the outermost peaks. Falls back to 0.7, saying
    why, where that isn't meaningful.
    """
    # The order of summation, and with it the last bits, must not depend on the rows' order.
    scores = np.sort(scores)
    if len(scores) < _MIN_SCORES:
        return _fallback(f"fewer than {_MIN_SCORES} scores")
    if scores[0] == scores[-1]:
        return _fallback("all scores are equal")
    density_at = gaussian_kde(scores, bw_method=1.06 * len(scores) ** -0.2)
    grid = np.linspace(scores[0], scores[-1], _GRID)
    density = density_at(grid)
    peaks, _ = find_peaks(density, prominence=_PROMINENCE * density.max())
    if len(peaks) < 2:
        return _fallback("the density has fewer than two peaks")
    # Scores lie in [0, 1]: the peaks nearest to 0 and to 1 are the outermost ones.
    left, right = int(peaks[0]), int(peaks[-1])
    if grid[right] - grid[left] < _MIN_PEAK_DISTANCE:
        return _fallback(f"the outermost peaks are closer than {_MIN_PEAK_DISTANCE}")
    valley = float(grid[left + int(np.argmin(density[left : right + 1]))])
    above = int((scores >= valley).sum())
    if above < _MIN_ABOVE or above < _MIN_SHARE_ABOVE * len(scores):
        return _fallback("too few scores lie above the valley")
    return Threshold(valley, "kde-valley")


def _fallback(why: str) -> Threshold:
    return Threshold(FALLBACK, f"fallback: {why}")
