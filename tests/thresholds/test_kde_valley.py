"""The automatic threshold: the published formula, and each of its fallbacks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import argrelextrema, peak_prominences

from gradsentry.thresholds import FALLBACK, Threshold, kde_valley


def two_clusters(low: int, high: int, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0.4, 0.04, low), rng.normal(0.85, 0.03, high)])


def published_threshold(scores: NDArray[np.float64]) -> float:
    """The paper's rule, written out densely and without SciPy's density estimate."""
    bandwidth = 1.06 * scores.std(ddof=1) * len(scores) ** (-1 / 5)
    grid = np.linspace(scores.min(), scores.max(), 1000)
    distances = (grid[:, None] - scores[None, :]) / bandwidth
    density = np.exp(-0.5 * distances**2).mean(axis=1) / (bandwidth * np.sqrt(2 * np.pi))
    peaks = argrelextrema(density, np.greater)[0]
    peaks = peaks[peak_prominences(density, peaks)[0] >= 0.01 * density.max()]
    left = peaks[np.argmin(np.abs(grid[peaks]))]
    right = peaks[np.argmin(np.abs(grid[peaks] - 1))]
    return float(grid[left : right + 1][np.argmin(density[left : right + 1])])


@pytest.mark.parametrize(("low", "high"), [(900, 100), (500, 500), (100, 900), (3000, 60)])
def test_the_valley_is_the_published_one(low: int, high: int) -> None:
    scores = two_clusters(low, high)
    threshold = kde_valley(scores)
    assert threshold.method == "kde-valley"
    assert threshold.value == pytest.approx(published_threshold(scores), abs=1e-12)
    assert threshold.flagged(scores).sum() == high


def test_the_order_of_the_scores_does_not_matter() -> None:
    scores = two_clusters(700, 90)
    shuffled = np.random.default_rng(1).permutation(scores)
    assert kde_valley(scores) == kde_valley(shuffled)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        (two_clusters(20, 9), "fewer than 30 scores"),
        (np.full(100, 0.5), "all scores are equal"),
        (np.random.default_rng(0).normal(0.5, 0.05, 500), "fewer than two peaks"),
        (
            np.concatenate(
                [
                    np.random.default_rng(0).normal(0.5, 0.01, 500),
                    np.random.default_rng(1).normal(0.6, 0.01, 500),
                ]
            ),
            "closer than 0.15",
        ),
        (two_clusters(2000, 15), "too few"),
        (np.r_[two_clusters(120, 0), 0.8, 0.8, 0.8, 1.0], "too few"),
    ],
)
def test_where_the_valley_means_nothing_the_fallback_says_why(
    scores: NDArray[np.float64], why: str
) -> None:
    threshold = kde_valley(scores)
    assert threshold.value == FALLBACK
    assert threshold.method.startswith("fallback: ")
    assert why in threshold.method


def test_a_score_on_the_threshold_is_not_flagged_and_neither_is_nan() -> None:
    flagged = Threshold(0.5, "given").flagged(np.array([0.4, 0.5, 0.6, np.nan]))
    assert flagged.tolist() == [False, False, True, False]
