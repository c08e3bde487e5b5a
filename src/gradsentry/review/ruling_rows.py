"""What decisions mean for rows: that about a row stands above that about its group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gradsentry.report import ScanReport
from gradsentry.report.rulings import NOT_RULED, GroupRuling, Ruling, Rulings, code_of
from gradsentry.review.decisions import Choice, Decision, Subject, standing

_RULINGS = {Choice.CONFIRMED: Ruling.CONFIRMED, Choice.CLEARED: Ruling.CLEARED}


def rulings_of(report: ScanReport, decisions: Iterable[Decision]) -> Rulings:
    """What holds because of decisions, whichever of them were withdrawn."""
    held = list(standing(decisions).values())
    groups = [each for each in held if each.subject is Subject.GROUP]
    rows = [each for each in held if each.subject is Subject.ROW]
    times = [each.time for each in held]
    return Rulings(
        rows=_row_codes(report, groups, rows),
        groups={
            each.index: GroupRuling(_RULINGS[each.choice], each.reviewer, each.time, each.note)
            for each in sorted(groups, key=lambda each: each.index)
        },
        reviewers=tuple(sorted({each.reviewer for each in held})),
        first=min(times, default=None),
        last=max(times, default=None),
        row_decisions=len(rows),
    )


def _row_codes(
    report: ScanReport, groups: Iterable[Decision], rows: Iterable[Decision]
) -> NDArray[np.int8]:
    codes = np.full(len(report.scores), NOT_RULED, np.int8)
    for decision in groups:
        assert report.findings is not None
        members = report.findings.rows.groups == decision.index
        codes[members & report.rows.scored] = code_of(_RULINGS[decision.choice])
    for decision in rows:
        codes[decision.index] = code_of(_RULINGS[decision.choice])
    return codes
