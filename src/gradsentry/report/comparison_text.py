"""What two scans differ in, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors import GroupFinding
from gradsentry.report.compare import Comparison, Difference, GroupChange, GroupFate
from gradsentry.report.scan_report import ScanReport
from gradsentry.report.verdict import headline, together
from gradsentry.safe_text import excerpt, quoted, visible

COMPARISON_VERSION = 1
"""Of the JSON; it grows when a reader must know."""
_SHOWN = 10
"""Rows and settings that are named in words; the JSON has all."""
_QUOTED = 80


def comparison_lines(old: ScanReport, new: ScanReport, found: Comparison) -> Iterator[str]:
    """Sentences, what makes scores incomparable first and what is new of poison last."""
    if found.settings:
        yield "These scans had other settings, so their scores and verdicts aren't comparable:"
        yield from _difference_lines(found.settings)
    if found.machine:
        yield "Scores may differ by rounding, or by what packages compute:"
        yield from _difference_lines(found.machine)
    yield f"Old: {_scan_line(old)}"
    yield f"New: {_scan_line(new)}"
    rows = found.rows
    yield (
        f"Rows: {len(rows.kept):,} the same, {len(rows.added):,} added, {len(rows.removed):,} "
        f"removed, {len(rows.changed):,} changed in their place."
    )
    for change in found.verdicts:
        yield (
            f"{change.old} before, {change.new} now: {_rows(len(change.rows))} with the same "
            f"content{_named(new, change.rows)}."
        )
    yield from (_group_line(change) for change in found.groups)
    if len(found.lost_poison):
        yield (
            f"No longer poison: {_rows(len(found.lost_poison))} with the same content"
            f"{_named(new, found.lost_poison)}. Look at them: a change elsewhere in the data may "
            "have hidden a backdoor."
        )
    yield f"New for review: {_rows(len(found.new_review))}{_named(new, found.new_review)}."
    yield f"New poison: {_rows(len(found.new_poison))}{_named(new, found.new_poison)}."


def comparison_json(old: ScanReport, new: ScanReport, found: Comparison) -> dict[str, Any]:
    """All of it; rows are numbered as in the scan that has them."""
    return {
        "schema_version": COMPARISON_VERSION,
        "comparable": not found.settings,
        "settings": [_difference_json(each) for each in found.settings],
        "machine": [_difference_json(each) for each in found.machine],
        "old": _scan_json(old),
        "new": _scan_json(new),
        "rows": {
            "same": len(found.rows.kept),
            "added": found.rows.added.tolist(),
            "removed": found.rows.removed.tolist(),
            "changed": [{"old": was, "new": now} for was, now in found.rows.changed.tolist()],
        },
        "verdicts": [
            {"old": each.old, "new": each.new, "rows": each.rows.tolist()}
            for each in found.verdicts
        ],
        "groups": [
            {
                "fate": str(each.fate),
                "old": _group_json(each.old_number, each.old),
                "new": _group_json(each.new_number, each.new),
            }
            for each in found.groups
        ],
        "new_review": found.new_review.tolist(),
        "lost_poison": found.lost_poison.tolist(),
        "new_poison": found.new_poison.tolist(),
    }


def _difference_lines(differences: Sequence[Difference]) -> Iterator[str]:
    for each in differences[:_SHOWN]:
        yield f"- {visible(each.name)}: {_value(each.old)} before, {_value(each.new)} now"
    if len(differences) > _SHOWN:
        yield f"- and {len(differences) - _SHOWN} more"


def _value(value: object) -> str:
    return "none" if value is None else excerpt(str(value), _QUOTED)


def _scan_line(report: ScanReport) -> str:
    return (
        f"{visible(report.source.label)}, {visible(report.scanned_with.date)}: {headline(report)}"
    )


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _named(report: ScanReport, rows: NDArray[np.int64]) -> str:
    """Where rows stand, of many the first."""
    if not len(rows):
        return ""
    named = ", ".join(_place(report, int(row)) for row in rows[:_SHOWN])
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f": {named}{more}"


def _place(report: ScanReport, row: int) -> str:
    line = int(report.rows.origins.lines[row])
    return f"row {row}" if line < 0 else f"row {row} (line {line})"


def _group_line(change: GroupChange) -> str:
    """What became of a group, and what it is."""
    known = change.new or change.old
    assert known is not None
    triggers = " or ".join(together(words) for words in known.trigger[:3])
    texts = [known.payload] if known.payload is not None else [text for text, _ in known.variants]
    payload = quoted(texts[0], _QUOTED) if texts else "payloads that vary"
    what = f"{triggers} → {payload}"
    if change.old is None:
        return f"New group {change.new_number} ({known.verdict}): {_rows(known.rows)}, {what}."
    if change.new is None:
        return f"Gone: group {change.old_number} ({known.verdict}), {_rows(known.rows)}, {what}."
    rows = f"{_rows(known.rows)} as before"
    if change.fate is not GroupFate.SAME:
        rows = f"{change.fate} from {change.old.rows:,} to {_rows(known.rows)}"
    verdict = str(known.verdict)
    if change.old.verdict is not known.verdict:
        verdict = f"{change.old.verdict} before, {verdict} now"
    return f"Group {change.new_number} ({verdict}): {rows}, {what}."


def _difference_json(difference: Difference) -> dict[str, object]:
    return {"name": difference.name, "old": difference.old, "new": difference.new}


def _scan_json(report: ScanReport) -> dict[str, object]:
    summary = report.summary()
    kept = ("data", "data_digest", "date", "rows", "scored", "unjudged", "verdict", "flagged")
    return {name: summary[name] for name in (*kept, "review", "model", "model_revision")}


def _group_json(number: int | None, group: GroupFinding | None) -> dict[str, object] | None:
    if group is None:
        return None
    return {
        "group": number,
        "verdict": str(group.verdict),
        "rows": group.rows,
        "payload": group.payload,
        "trigger": [list(words) for words in group.trigger],
    }
