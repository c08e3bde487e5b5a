"""What the verdict says of its own false alarms."""

from __future__ import annotations

import pytest

from gradsentry.detectors.transfer.false_alarms import MEASURED, FalseAlarms


def test_the_interval_is_the_exact_one() -> None:
    low, high = FalseAlarms(100, 0, 20, 200, 2000).interval
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 100))
    low, high = FalseAlarms(100, 1, 20, 200, 2000).interval
    assert 0 < low < 0.01 < high < 0.06


def test_the_sentence_has_all_figures() -> None:
    said = FalseAlarms(120, 1, 20, 200, 2000).in_words
    assert "of 120 clean draws of 200 to 2,000 rows from 20 data sets, 1 had a group" in said
    assert "95% interval 0.0% to 4.6%" in said
    assert str(MEASURED.draws) in MEASURED.in_words
