"""A scan that honours a baseline: which rows are known and accepted, and which are new."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradsentry.report import ScanReport
from gradsentry.report.rulings import NOT_RULED, GroupRuling, Ruling, Rulings, code_of, overlay
from gradsentry.review.baseline import Baseline
from gradsentry.review.decisions import row_digest

_ACCEPTED, _NEW = code_of(Ruling.ACCEPTED), code_of(Ruling.NEW)


def accept_known(report: ScanReport, baseline: Baseline) -> ScanReport:
    """A report in which what a baseline knows is accepted, as `baseline` says what that is.

    What people ruled in the report itself stands above.
    """
    codes = np.full(len(report.scores), NOT_RULED, np.int8)
    groups = {}
    for index, group in enumerate(report.groups):
        known = baseline.pattern_of(group)
        if known is not None:
            cleared = known.rows | {each.digest for each in baseline.rows}
            new = _accept_group(report, index, cleared, codes)
            groups[index] = GroupRuling(
                Ruling.ACCEPTED, known.reviewer, known.time, known.note, new
            )
    _accept_rows(report, baseline, codes)
    who, times = _reviewers(baseline, groups, codes, report)
    own = Rulings(
        rows=codes,
        groups=groups,
        reviewers=tuple(sorted(who)),
        first=min(times, default=None),
        last=max(times, default=None),
        baseline_digest=baseline.digest,
    )
    rulings = own if report.rulings is None else overlay(own, report.rulings)
    return replace(report, rulings=rulings)


def _accept_group(
    report: ScanReport, index: int, cleared: Set[str], codes: NDArray[np.int8]
) -> int:
    """Rule about the rows of a group that a baseline knows, and count those that are new.

    **Arguments:**

    - `cleared`: digests of the rows that the baseline knows.
    """
    assert report.findings is not None
    members = (report.findings.rows.groups == index) & report.rows.scored
    new = 0
    for row in np.flatnonzero(members).tolist():
        is_known = row_digest(report, row) in cleared
        codes[row] = _ACCEPTED if is_known else _NEW
        new += not is_known
    return new


def _accept_rows(report: ScanReport, baseline: Baseline, codes: NDArray[np.int8]) -> None:
    """Accept the rows that were cleared by themselves, where a scan would have them looked at."""
    known = {each.digest for each in baseline.rows}
    if known:
        for row in np.flatnonzero(report.flagged | report.review).tolist():
            if row_digest(report, row) in known:
                codes[row] = _ACCEPTED


def _reviewers(
    baseline: Baseline,
    groups: Mapping[int, GroupRuling],
    codes: NDArray[np.int8],
    report: ScanReport,
) -> tuple[set[str], list[str]]:
    """Who cleared what is accepted here, and when."""
    digests = {row_digest(report, row) for row in np.flatnonzero(codes == _ACCEPTED).tolist()}
    rows = [each for each in baseline.rows if each.digest in digests]
    said = [(each.reviewer, each.time) for each in groups.values()]
    said += [(each.reviewer, each.time) for each in rows]
    return {who for who, _ in said}, [time for _, time in said]
