"""The histogram and the thresholds to try: they count as the report does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import Verdict
from gradsentry.outputs.score_plot import HEIGHT, WIDTH, score_plot
from tests.outputs.reports import make_findings, make_report

unit = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 0.5])


@given(st.lists(unit, min_size=1, max_size=40), unit)
def test_every_scored_row_is_counted_wherever_scores_and_threshold_lie(
    scores: list[float], threshold: float
) -> None:
    report = make_report(["text"] * len(scores), scores, threshold=threshold)
    plot = score_plot(report)
    assert sum(bar.rows for bar in plot.bars) == len(scores)
    assert all(0 <= bar.x <= WIDTH and 0 <= bar.height <= HEIGHT for bar in plot.bars)
    assert not any(bar.left < threshold < bar.right for bar in plot.bars)
    assert 0 <= plot.threshold_x <= WIDTH
    steps = plot.steps
    assert list(steps.values) == sorted(steps.values)
    assert steps.values[steps.chosen] == threshold
    for value, flagged in zip(steps.values, steps.flagged, strict=True):
        assert flagged == report.rethreshold(value).flagged.sum()


def test_rows_for_review_are_counted_below_the_threshold() -> None:
    findings = make_findings(4, [Verdict.REVIEW], [0, 0, 0, -1])
    report = make_report(scores=[0.2, 0.6, np.nan, 0.9], findings=findings)
    steps = score_plot(report).steps
    for value, review in zip(steps.values, steps.review, strict=True):
        assert review == (report.rethreshold(value).review & report.rows.scored).sum()


@pytest.mark.parametrize("low", [0.0, 0.95])
def test_thresholds_of_scores_that_lie_close_together_differ(low: float) -> None:
    scores = np.linspace(low, low + 0.001, 50)
    steps = score_plot(make_report(["text"] * 50, scores, threshold=low + 0.0005)).steps
    assert len(set(steps.flagged)) > 40
