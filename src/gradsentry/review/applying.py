"""Decisions become results: the rows sorted anew, in a folder of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gradsentry.errors import InputError
from gradsentry.faults import telling_faults
from gradsentry.report import ScanReport
from gradsentry.report.file_names import APPLIED_FILE
from gradsentry.report.rulings import overlay
from gradsentry.review.baseline import (
    Baseline,
    KnownPattern,
    KnownRow,
    locked_baseline,
    merge_pattern,
    merge_rows,
    pattern_of_group,
    read_baseline,
    without_pattern,
    without_rows,
    write_baseline,
)
from gradsentry.review.decision_log import DecisionLog, decisions_digest, dump_log
from gradsentry.review.decisions import Choice, Decision, Subject, row_digest, standing
from gradsentry.review.reviewed_folder import open_reviewed
from gradsentry.review.ruling_rows import rulings_of
from gradsentry.work.object_results import output_place
from gradsentry.work.workspace import open_workspace, writing


def apply_decisions(
    folder: str | Path,
    out: str | Path,
    *,
    data: object = None,
    baseline: str | Path | None = None,
    force: bool = False,
) -> ScanReport:
    """Write the results in a folder anew, as people decided about them.

    What was cleared is clean, what was confirmed is flagged, and a decision about a row stands
    above that about its group. The results in `folder` stay as they are. The same decisions give
    the same bytes.

    **Arguments:**

    - `folder`: results with decisions in them, as `gradsentry review` leaves them.
    - `out`: a folder, or a place in a store, for the new results.
    - `data`: the data, where they lie elsewhere now.
    - `baseline`: a file to which cleared patterns and rows are added, and from which confirmed ones
        are taken; made if it isn't there.
    - `force`: replace earlier results in `out`.

    **Raises:**

    `InputError` if nothing was decided, or if results or data were changed since the scan;
    `OutputError` if `out` or the baseline can't be written.
    """
    reviewed = open_reviewed(folder, data)
    log = reviewed.log
    if not standing(log.decisions):
        raise InputError(
            f"{log.path}: nothing is decided here yet.",
            "Decide with `gradsentry review`, and apply the decisions then.",
        )
    if baseline is not None:
        _open_baseline(Path(baseline))  # a file that is none is told before rows are read
    report = with_decisions(reviewed.report, log)
    keep = [*map(str, report.source.paths), report.scanned_with.model, str(log.path)]
    if baseline is not None and Path(baseline).exists():
        keep.append(str(baseline))
    with telling_faults(), open_workspace(output_place(out), force, keep) as space:
        results = space.result_folder()
        # First, so that the statement about the results is about this file, too.
        (results / APPLIED_FILE).write_bytes(dump_log(log))
        report.write(results)
        if baseline is not None:
            # First, since it may be written again: should `out` be taken meanwhile, the same
            # command with another `out` is all that is to be done.
            path = Path(baseline)
            with writing(path, "Choose another file with `baseline`."), locked_baseline(path):
                known = _open_baseline(path)  # others may have written it meanwhile
                write_baseline(path, updated_baseline(known, reviewed.report, log.decisions))
        space.publish()
    return report


def with_decisions(report: ScanReport, log: DecisionLog) -> ScanReport:
    """A report in which the decisions hold; earlier rulings stand where nothing was decided."""
    own = replace(rulings_of(report, log.decisions), decisions_digest=decisions_digest(log))
    return replace(report, rulings=overlay(report.rulings, own))


def updated_baseline(baseline: Baseline, report: ScanReport, decisions: list[Decision]) -> Baseline:
    """A baseline with what was cleared, and without what was confirmed."""
    held = standing(decisions).values()
    groups = sorted(
        (each for each in held if each.subject is Subject.GROUP), key=lambda each: each.index
    )
    rows = [each for each in held if each.subject is Subject.ROW]
    cleared, confirmed = (
        {row_digest(report, each.index) for each in rows if each.choice is choice}
        for choice in (Choice.CLEARED, Choice.CONFIRMED)
    )
    for each in groups:
        pattern = pattern_of_group(report.groups[each.index])
        if each.choice is Choice.CONFIRMED:
            baseline = without_pattern(baseline, pattern)
            confirmed |= _member_digests(report, each.index) - cleared
        else:
            baseline = merge_pattern(baseline, _known_pattern(report, each))
    known = [
        KnownRow(row_digest(report, each.index), each.note, each.reviewer, each.time)
        for each in rows
        if each.choice is Choice.CLEARED
    ]
    baseline = merge_rows(baseline, known)
    return without_rows(baseline, frozenset(confirmed))


def _member_digests(report: ScanReport, group: int) -> frozenset[str]:
    """What tells the contents of a group's rows."""
    assert report.findings is not None
    members = np.flatnonzero(report.findings.rows.groups == group).tolist()
    return frozenset(row_digest(report, row) for row in members)


def _known_pattern(report: ScanReport, decision: Decision) -> KnownPattern:
    group = report.groups[decision.index]
    return KnownPattern(
        group.trigger,
        group.payload,
        tuple(text for text, _ in group.variants),
        _member_digests(report, decision.index),
        decision.note,
        decision.reviewer,
        decision.time,
    )


def _open_baseline(path: Path) -> Baseline:
    """The baseline so far; an empty one if there is no file."""
    return read_baseline(path) if path.exists() else Baseline()
