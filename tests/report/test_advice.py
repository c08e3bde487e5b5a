"""What a verdict means and what to do: every kind of verdict has its words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradsentry import ScanReport, Threshold
from gradsentry.detectors import Doubt
from gradsentry.report.advice import limits, meaning, next_steps, status
from tests.outputs.found import chat_report, clean_report, pairs_report
from tests.outputs.reports import make_report


def review_report() -> ScanReport:
    """Groups for review, and no poison."""
    report = chat_report()
    assert report.findings is not None
    kept = np.where(report.findings.rows.groups == 0, -1, report.findings.rows.groups)
    findings = replace(report.findings, rows=replace(report.findings.rows, groups=kept))
    scores = np.minimum(report.scores, 0.7)
    return replace(report, findings=findings, rows=replace(report.rows, scores=scores))


def blind_report() -> ScanReport:
    return replace(clean_report(), threshold=Threshold(1.0, "given"))


REPORTS = [chat_report, review_report, clean_report, make_report, blind_report]


def test_every_verdict_has_words_of_its_own() -> None:
    reports = [make() for make in REPORTS]
    assert len({status(report) for report in reports}) == len(REPORTS)
    assert len({meaning(report) for report in reports}) == len(REPORTS)
    assert len({tuple(next_steps(report)) for report in reports}) == len(REPORTS)


@pytest.mark.parametrize("make", REPORTS)
def test_sentences_end_and_commands_are_whole(make: object) -> None:
    report = make()  # type: ignore[operator]
    for sentence in [meaning(report), *next_steps(report)]:
        assert sentence.endswith((".", "?"))
        assert sentence.count("`") % 2 == 0
    for sentence in limits(report, 0.5):
        assert not sentence.endswith(".")


def test_poison_is_left_out_and_its_origin_sought() -> None:
    steps = next_steps(chat_report())
    assert "clean.jsonl" in steps[0]
    assert "flagged.jsonl" in steps[0]
    assert any("12 rows for review" in step for step in steps)
    assert any("who could add" in step for step in steps)


def test_what_is_for_review_is_asked_about() -> None:
    report = review_report()
    assert report.verdict == "review"
    assert any("--threshold 0.5" in step for step in next_steps(report))


def test_limits_are_those_of_this_scan() -> None:
    small, large = clean_report(60), pairs_report(200)
    assert any("Small data" in line for line in limits(small, 0.0))
    assert not any("Small data" in line for line in limits(large, 0.0))
    assert any("Language" in line for line in limits(large, 0.2))
    assert not any("Language" in line for line in limits(large, 0.001))
    assert any("default model" in line for line in limits(chat_report(), 0.0))
    assert not any("Weak model" in line for line in limits(large, 0.0))
    assert large.findings is not None
    groups = (replace(large.groups[1], doubts=(Doubt.UNKNOWN,)),)
    weak = replace(large, findings=replace(large.findings, groups=groups))
    assert any("Weak model" in line for line in limits(weak, 0.0))
    assert limits(make_report(), 0.5) == []
