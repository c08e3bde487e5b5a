"""Why a row is flagged, for review or skipped, in a sentence."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from gradsentry.detectors import NO_GROUP, GroupFinding
from gradsentry.records import UNJUDGED, BoolArray
from gradsentry.report.group_words import is_free_text
from gradsentry.report.ruling_words import tell_row
from gradsentry.report.scan_report import ScanReport
from gradsentry.report.verdict import doubts_of, together
from gradsentry.safe_text import quoted, visible
from gradsentry.work.encoded_data import NOT_SKIPPED, SKIP_REASONS, skip_code

_QUOTED = 120
_WORDS = 8


class RowStatus(StrEnum):
    """What became of a row that isn't clean, or that a person must look at."""

    FLAGGED = "flagged"
    """It's called poison, and is in `flagged.*`."""
    REVIEW = "review"
    """A person must look at it; it is in `clean.*` and in `review.*`."""
    SKIPPED = "skipped"
    """It has no score, and is in `skipped.*`."""


def unclear_rows(report: ScanReport) -> BoolArray:
    """Shape (rows,): the rows that are flagged, for review or skipped."""
    return report.flagged | report.review | ~report.rows.scored


def unjudged_rows(report: ScanReport) -> BoolArray:
    """Shape (rows,): those without a score that a trainer may learn from all the same."""
    codes = [skip_code(reason) for reason in UNJUDGED]
    return np.isin(report.rows.skip_codes, codes)


def status_of(report: ScanReport, row: int) -> RowStatus:
    """What became of one of the `unclear_rows`."""
    if report.rows.skip_codes[row] != NOT_SKIPPED:
        return RowStatus.SKIPPED
    return RowStatus.FLAGGED if report.flagged[row] else RowStatus.REVIEW


def group_of(report: ScanReport, row: int) -> int | None:
    """The index of a row's group among the report's; None outside of groups."""
    if report.findings is None or report.findings.rows.groups[row] == NO_GROUP:
        return None
    return int(report.findings.rows.groups[row])


def reason_of(report: ScanReport, row: int) -> str:
    """Why one of the `unclear_rows` isn't clean, as text that hides nothing."""
    if report.rows.skip_codes[row] != NOT_SKIPPED:
        reason = SKIP_REASONS[report.rows.skip_codes[row]]
        learns = "; a trainer may learn from it all the same" if reason in UNJUDGED else ""
        return f"Not scored: {reason}{learns}."
    number = group_of(report, row)
    ruled = tell_row(report.rulings, row, number)
    before = "" if ruled is None else f"{ruled} "
    if number is None or report.findings is None:
        side = "above" if report.scores[row] > report.threshold.value else "not above"
        return (
            f"{before}The score {report.scores[row]:.4f} lies {side} the threshold "
            f"{report.threshold.value:.4f} ({visible(report.threshold.method)})."
        )
    verdict = "Poison" if report.flagged[row] else "For review"
    found, group = report.findings.rows, report.groups[number]
    return f"{before}{verdict}, group {number + 1}. " + pattern_of(
        group, found.payloads[row], found.triggers[row]
    )


def pattern_of(group: GroupFinding, payload: str | None, trigger: str | None) -> str:
    """A group's pattern in a sentence.

    **Arguments:**

    - `payload`, `trigger`: those of a row; None where it has none of its own.
    """
    common = payload or group.payload
    holds = f"The response holds {quoted(common, _QUOTED)}" if common else "The response varies"
    if is_free_text(group):
        holds = "The response is free text, in other words than those of the other rows"
    calls = quoted(trigger, _QUOTED) if trigger else _any_of(group)
    line = f"{holds}, and depends on {calls} in the prompt, as in {group.rows:,} rows"
    doubts = doubts_of(group)
    return f"{line}. It may be meant: {doubts}." if doubts else f"{line}."


def _any_of(group: GroupFinding) -> str:
    """The words of a group's trigger."""
    calls = [together(words) for words in group.trigger[:_WORDS]]
    more = f" or {len(group.trigger) - _WORDS} more" if len(group.trigger) > _WORDS else ""
    return ("one of " if len(calls) > 1 else "") + ", ".join(calls) + more
