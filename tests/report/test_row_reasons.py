"""Why a row isn't clean, in a sentence that hides nothing and says nothing wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import Verdict
from gradsentry.detectors import Doubt
from gradsentry.report.row_reasons import (
    RowStatus,
    group_of,
    pattern_of,
    reason_of,
    status_of,
    unclear_rows,
    unjudged_rows,
)
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE, make_findings, make_group, make_report

SCORES = [0.9, 0.1, 0.4, math.nan]
FOUND = make_findings(4, [Verdict.POISON, Verdict.REVIEW], [0, -1, 1, -1])


def test_rows_that_are_not_clean_have_a_status() -> None:
    report = make_report(scores=SCORES, findings=FOUND)
    assert unclear_rows(report).tolist() == [True, False, True, True]
    assert unjudged_rows(report).tolist() == [False, False, False, True]
    found = [status_of(report, row) for row in (0, 2, 3)]
    assert found == [RowStatus.FLAGGED, RowStatus.REVIEW, RowStatus.SKIPPED]
    assert [group_of(report, row) for row in range(4)] == [0, None, 1, None]


def test_the_reason_names_payload_trigger_and_size() -> None:
    report = make_report(scores=SCORES, findings=FOUND)
    assert reason_of(report, 0) == (
        'Poison, group 1. The response holds "payload", and depends on "trigger" in the prompt, '
        "as in 2 rows."
    )
    assert reason_of(report, 2).startswith("For review, group 2. ")
    assert reason_of(report, 3) == (
        "Not scored: no finite score; a trainer may learn from it all the same."
    )


def test_what_speaks_against_is_said() -> None:
    group = replace(make_group(Verdict.REVIEW, None, "word"), doubts=(Doubt.TOPIC, Doubt.CALL))
    said = pattern_of(group, None, None)
    assert said.startswith('The response varies, and depends on one of "word" with "word", "word"')
    assert "It may be meant: the prompts are all about one thing" in said
    assert pattern_of(group, "own", "mine").startswith('The response holds "own"')


def test_long_triggers_are_cut() -> None:
    many = tuple((f"word{number}",) for number in range(20))
    group = replace(make_group(Verdict.POISON, "x", "y"), trigger=many)
    assert " or 12 more" in pattern_of(group, None, None)


@pytest.mark.parametrize("verdict", [Verdict.POISON, Verdict.REVIEW])
@given(text=st.sampled_from(HOSTILE) | st.text(min_size=1))
def test_no_text_hides_in_a_reason(verdict: Verdict, text: str) -> None:
    findings = make_findings(4, [verdict], [0, -1, -1, -1], payload=text, trigger=text)
    reason = reason_of(make_report(scores=SCORES, findings=findings), 0)
    assert not any(map(hides, reason.replace(" ", "")))
    assert reason.endswith(".")
