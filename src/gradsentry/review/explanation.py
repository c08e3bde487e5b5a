"""All that is known of one row, in a form that the terminal and the page show alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradsentry.detectors import Verdict
from gradsentry.outputs.marked_turns import MarkedTurn, marked_turns, marks_of
from gradsentry.outputs.telling_words import TellingWords
from gradsentry.records import Example
from gradsentry.report import ScanReport
from gradsentry.report.ruling_words import tell_row
from gradsentry.report.verdict import tell_found_group
from gradsentry.review.decision_words import tell_decisions
from gradsentry.review.ruling_rows import HeldDecisions


@dataclass(frozen=True)
class RowExplanation:
    """What a scan and people say of a row."""

    row: int
    place: str
    """Where a person finds it in the data."""
    digest: str
    verdict: str
    """`poison`, `review`, `clean` or `skipped`, before anybody decides."""
    score: float | None
    threshold: float
    group: int | None
    """Number of its group, from 1."""
    why: str
    trigger: str | None
    payload: str | None
    turns: Sequence[MarkedTurn]
    decided: Sequence[str]
    """What people decided about it and about its group, a sentence each; none where nobody did."""

    @property
    def told_payload(self) -> str | None:
        """The payload, or that it is the whole answer."""
        is_free_text = any(turn.is_free_text for turn in self.turns)
        return "free text, the whole answer" if is_free_text else self.payload


def explain_row(
    report: ScanReport,
    row: int,
    example: Example | None,
    held: HeldDecisions,
    telling: TellingWords,
) -> RowExplanation:
    """What a scan and people say of a row.

    **Arguments:**

    - `example`: what the row means; None if it was skipped.
    - `telling`: what to mark where payloads vary.
    - `held`: what was decided about the report since it was written.
    """
    origins, found = report.rows.origins, report.findings
    line = int(origins.lines[row])
    path = origins.paths[int(origins.path_of[row])]
    group = -1 if found is None else int(found.rows.groups[row])
    scored = bool(report.rows.scored[row])
    return RowExplanation(
        row=row,
        place=f"{path}, row {row}" + (f" (line {line})" if line >= 0 else ""),
        digest=origins.digests[row].tobytes().hex(),
        verdict=verdict_of(report, row),
        score=float(report.scores[row]) if scored else None,
        threshold=report.threshold.value,
        group=None if group < 0 else group + 1,
        why=_why(report, row, group),
        trigger=None if found is None else found.rows.triggers[row],
        payload=None if found is None else found.rows.payloads[row],
        turns=() if example is None else marked_turns(example, marks_of(report, row, telling)),
        decided=tell_decisions(held.about_row(row), held.about_group_of(row)) if scored else (),
    )


def verdict_of(report: ScanReport, row: int) -> str:
    """What the report makes of a row."""
    if not report.rows.scored[row]:
        return "skipped"
    if report.flagged[row]:
        return str(Verdict.POISON)
    return str(Verdict.REVIEW) if report.review[row] else "clean"


def _why(report: ScanReport, row: int, group: int) -> str:
    if not report.rows.scored[row]:
        return f"It wasn't judged: {report.rows.reasons()[row]}."
    if group >= 0:
        told = tell_found_group(report, group)
    else:
        side = "above" if report.scores[row] > report.threshold.value else "not above"
        told = (
            f"It is in no group; its score {report.scores[row]:.4f} is {side} the threshold "
            f"{report.threshold.value:.4f}."
        )
    ruled = tell_row(report.rulings, row, None if group < 0 else group)
    return told if ruled is None else f"{ruled} {told}"
