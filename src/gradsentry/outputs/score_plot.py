"""The distribution of scores as a picture, and the thresholds that a reader may try."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradsentry.detectors import Verdict
from gradsentry.outputs.page_data import ThresholdSteps
from gradsentry.report import ScanReport

WIDTH, HEIGHT = 1000, 200
_BINS = 60
_STEPS = 400
_NARROWEST = 1e-6


@dataclass(frozen=True)
class Bar:
    """One bar of the histogram, in the picture's units."""

    x: float
    width: float
    height: float
    left: float
    """The scores that it counts: from here ..."""
    right: float
    """... to here."""
    rows: int
    flagged: bool


@dataclass(frozen=True)
class ScorePlot:
    """A histogram of the scores, with the thresholds below it."""

    low: float
    high: float
    bars: tuple[Bar, ...]
    steps: ThresholdSteps

    @property
    def threshold_x(self) -> float:
        """Where the scan's threshold is, in the picture's units."""
        return (self.steps.values[self.steps.chosen] - self.low) / (self.high - self.low) * WIDTH


def score_plot(report: ScanReport) -> ScorePlot:
    """The histogram of a report's scores, and its thresholds."""
    low, high = _range(report)
    return ScorePlot(low, high, _bars(report, low, high), _steps(report, low, high))


def _range(report: ScanReport) -> tuple[float, float]:
    """From below the lowest score and the threshold to above the highest."""
    scores = report.scores[report.rows.scored]
    low = min(float(scores.min()), report.threshold.value)
    high = max(float(scores.max()), report.threshold.value)
    margin = 0.02 * (high - low) if high - low > _NARROWEST else 0.01
    return max(0.0, low - margin), min(1.0, high + margin)


def _bars(report: ScanReport, low: float, high: float) -> tuple[Bar, ...]:
    """Bars that never straddle the threshold, their height the square root of the count.

    Poison is rare: on a linear scale its bars would vanish beside the clean ones.
    """
    threshold = report.threshold.value
    below = max(1, round(_BINS * (threshold - low) / (high - low)))
    edges = np.concatenate(
        [
            np.linspace(low, threshold, below + 1),
            np.linspace(threshold, high, max(1, _BINS - below) + 1)[1:],
        ]
    )
    counts, _ = np.histogram(report.scores[report.rows.scored], edges)
    scale = WIDTH / (high - low)
    tallest = math.sqrt(int(counts.max()))
    return tuple(
        Bar(
            x=(left - low) * scale,
            width=max(1.0, (right - left) * scale - 1.5),
            height=math.sqrt(count) / tallest * HEIGHT,
            left=left,
            right=right,
            rows=count,
            flagged=right > left >= threshold,
        )
        for count, left, right in zip(
            counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True
        )
    )


def _steps(report: ScanReport, low: float, high: float) -> ThresholdSteps:
    """Thresholds in equal steps, the scan's own in place of the one nearest to it.

    They are rounded as they are shown, so that the command that is shown decides as counted.
    """
    digits = max(3, math.ceil(-math.log10((high - low) / _STEPS)))
    values = np.linspace(low, high, _STEPS).round(digits).tolist()
    own = report.threshold.value
    chosen = min(range(_STEPS), key=lambda n: (abs(values[n] - own), n))
    values[chosen] = own
    scores = np.sort(report.scores[report.rows.scored])
    doubted = report.scores[:0]
    if report.findings is not None:
        of_groups = report.findings.in_groups(Verdict.REVIEW) & report.rows.scored
        doubted = np.sort(report.scores[of_groups])
    flagged = len(scores) - np.searchsorted(scores, values, side="right")
    review = np.searchsorted(doubted, values, side="right")
    return ThresholdSteps(tuple(values), tuple(flagged.tolist()), tuple(review.tolist()), chosen)
