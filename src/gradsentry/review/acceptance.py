"""A scan that honours a baseline: which rows are known and accepted, and which are new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradsentry.report import ScanReport
from gradsentry.report.rulings import NOT_RULED, GroupRuling, Ruling, Rulings, code_of, overlay
from gradsentry.review.baseline import Baseline, KnownPattern
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
            groups[index] = _accept_group(report, index, known, codes)
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
    report: ScanReport, index: int, known: KnownPattern, codes: NDArray[np.int8]
) -> GroupRuling:
    """Rule about the rows of a group that a baseline knows."""
    assert report.findings is not None
    found = report.findings.rows
    new = other = 0
    for row in np.flatnonzero((found.groups == index) & report.rows.scored).tolist():
        if row_digest(report, row) in known.rows:
            codes[row] = _ACCEPTED
        elif (
            known.payload is not None
            and found.payloads[row] == known.payload
            and found.triggers[row] is not None
        ):
            codes[row] = _NEW
            new += 1
        else:
            other += 1
    return GroupRuling(Ruling.ACCEPTED, known.reviewer, known.time, known.note, new, other)


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
