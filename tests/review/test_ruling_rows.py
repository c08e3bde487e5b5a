"""What decisions mean for rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import Verdict
from gradsentry.report.rulings import NOT_RULED, RULINGS
from gradsentry.review.decisions import Choice, Decision, Subject, standing
from gradsentry.review.ruling_rows import HeldDecisions, rulings_of
from tests.outputs.reports import make_findings, make_report

REPORT = make_report(
    [str(row) for row in range(6)],
    [0.9, 0.9, 0.4, 0.4, np.nan, 0.1],
    findings=make_findings(6, [Verdict.POISON, Verdict.REVIEW], [0, 0, 1, 1, 0, -1]),
)
SCORED = [0, 1, 2, 3, 5]
DECISIONS = st.lists(
    st.builds(
        lambda subject, place, choice: Decision(
            choice,
            subject,
            place % 2 if subject is Subject.GROUP else SCORED[place],
            {},
            "",
            "anna",
            "2026",
        ),
        st.sampled_from(Subject),
        st.integers(0, 4),
        st.sampled_from(Choice),
    ),
    max_size=12,
)


@given(DECISIONS)
def test_the_last_word_about_a_row_or_else_its_group_holds(decisions: list[Decision]) -> None:
    rulings = rulings_of(REPORT, decisions)
    assert REPORT.findings is not None
    for row, group in enumerate(REPORT.findings.rows.groups.tolist()):
        said = None
        for subject, index in ((Subject.ROW, row), (Subject.GROUP, group)):
            own = [each.choice for each in decisions if each.key == (subject, index)]
            if own and own[-1] is not Choice.WITHDRAWN and row in SCORED:
                said = str(own[-1])
                break
        code = int(rulings.rows[row])
        assert (None if code == NOT_RULED else str(RULINGS[code])) == said


@given(DECISIONS)
def test_decisions_one_by_one_come_to_the_same_as_all_at_once(decisions: list[Decision]) -> None:
    held = HeldDecisions(REPORT)
    for number, decision in enumerate(decisions, start=1):
        held.add(decision)
        once = rulings_of(REPORT, decisions[:number])
        assert held.codes.tolist() == once.rows.tolist()
        stands = standing(decisions[:number])
        for row in SCORED:
            assert held.about_row(row) == stands.get((Subject.ROW, row))
        assert [held.about_group(n) for n in (0, 1)] == [
            stands.get((Subject.GROUP, n)) for n in (0, 1)
        ]
        assert held.decided_groups() == len(once.groups)
        assert int(held.by_themselves().sum()) == once.row_decisions
    assert held.about_group_of(5) is None


def test_a_decision_touches_its_own_rows_alone() -> None:
    held = HeldDecisions(REPORT)
    touched: list[int] = []

    class Watched(np.ndarray):  # type: ignore[type-arg]
        def __setitem__(self, key: Any, value: Any) -> None:
            touched.extend(np.atleast_1d(key).tolist())
            super().__setitem__(key, value)

    held.codes = held.codes.view(Watched)
    for subject, index in ((Subject.ROW, 3), (Subject.GROUP, 0)):
        held.add(Decision(Choice.CLEARED, subject, index, {}, "", "anna", "2026"))
    assert touched == [3, 0, 1]  # row 4 has no score


@given(DECISIONS)
def test_every_row_is_in_exactly_one_part(decisions: list[Decision]) -> None:
    report = replace(REPORT, rulings=rulings_of(REPORT, decisions))
    assert sum(mask.astype(int) for mask in report.parts.values()).tolist() == [1] * 6
    assert not (report.flagged & report.review).any()


def test_nobody_decided_nothing_changes() -> None:
    rulings = rulings_of(REPORT, [])
    assert (rulings.flagged(REPORT.flagged) == REPORT.flagged).all()
    assert (rulings.rows == NOT_RULED).all()
