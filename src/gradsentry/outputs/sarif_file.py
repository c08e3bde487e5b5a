"""`results.sarif`: what was found, for viewers of code scanners."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from gradsentry._version import __version__
from gradsentry.detectors import Verdict
from gradsentry.outputs.digests import HOME
from gradsentry.outputs.file_uris import file_uri
from gradsentry.outputs.output_format import Format, utf8_text, write_text
from gradsentry.records import UNJUDGED, SkipReason
from gradsentry.report import ScanReport
from gradsentry.report.row_reasons import (
    RowStatus,
    group_of,
    pattern_of,
    reason_of,
    status_of,
    unjudged_rows,
)
from gradsentry.report.verdict import headline
from gradsentry.safe_text import json_text, visible
from gradsentry.work.encoded_data import SKIP_REASONS

MOST_RESULTS = 25_000
"""More are refused by GitHub, which shows the 5,000 most severe."""
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {RowStatus.FLAGGED: "error", RowStatus.REVIEW: "warning", RowStatus.SKIPPED: "note"}
_SEVERITIES = {"error": "8.0", "warning": "5.0", "note": "2.0"}
"""GitHub's scale: from 7 on high, from 4 on medium."""
_ABOVE = "score-above-threshold"
_ACTIVE = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "[]{}"})
"""Signs with which a message would hold links and placeholders."""


class SarifFile(Format):
    """Writes `results.sarif`, SARIF 2.1.0."""

    file_name: ClassVar[str] = "results.sarif"
    by_default: ClassVar[bool] = False

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, json_text(sarif_log(report)) + "\n")


def sarif_log(report: ScanReport) -> dict[str, Any]:
    """The report as a SARIF log: a rule for every group, a result for every row.

    Poison is an error, a row for review a warning, and one that couldn't be judged a note.
    """
    rows = _rows_by_level(report)
    shown = rows[:MOST_RESULTS]
    names = _group_names(report)
    used = dict.fromkeys([*names, *(_rule_of(report, row, names) for row in shown)])
    rules = [rule for rule in _rules(report, names) if rule["id"] in used]
    places = {rule["id"]: place for place, rule in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "GradSentry",
                        "version": __version__,
                        "informationUri": HOME,
                        "rules": rules,
                    }
                },
                "invocations": [_invocation(report, len(rows) - len(shown))],
                "columnKind": "unicodeCodePoints",
                "results": list(_results(report, shown, names, places)),
                "properties": {
                    "verdict": str(report.verdict),
                    "rows": len(report.scores),
                    "resultsOfAll": f"{len(shown)}/{len(rows)}",
                },
            }
        ],
    }


def _rows_by_level(report: ScanReport) -> list[int]:
    """The rows that get a result: flagged ones, those for review, those that weren't judged."""
    masks = (report.flagged, report.review, unjudged_rows(report))
    return [row for mask in masks for row in np.flatnonzero(mask).tolist()]


def _invocation(report: ScanReport, left_out: int) -> dict[str, Any]:
    notes = [("note", headline(report))]
    if left_out:
        notes.append(
            (
                "warning",
                f"{left_out:,} more results are left out: viewers take {MOST_RESULTS:,}. "
                "annotated.jsonl has all of them.",
            )
        )
    if report.blind:
        notes.append(("warning", "No row could have been flagged, whatever it says."))
    notifications = [{"level": level, "message": {"text": _message(text)}} for level, text in notes]
    return {"executionSuccessful": True, "toolExecutionNotifications": notifications}


def _rules(report: ScanReport, names: list[str]) -> Iterator[dict[str, Any]]:
    """One for each group, for scores above the threshold, and for each reason of unjudged rows."""
    for index, (name, group) in enumerate(zip(names, report.groups, strict=True)):
        level = "error" if report.group_verdict(index) is Verdict.POISON else "warning"
        what = "Backdoored rows" if level == "error" else "Rows that may be backdoored"
        yield _rule(name, what, pattern_of(group, None, None), level)
    yield _rule(
        _ABOVE,
        "Rows with a high score",
        f"The score lies above the threshold. It is: {report.options.detector.axis}.",
        "error",
    )
    for reason in UNJUDGED:
        yield _rule(
            _reason_id(reason),
            "Rows that could not be judged",
            f"The row has no score: {reason}. A trainer may learn from it all the same.",
            "note",
        )


def _rule(name: str, short: str, full: str, level: str) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": short},
        "fullDescription": {"text": _message(full)},
        "help": {
            "text": "Read the rows in flagged.* or review.*, and report.html. If the pattern is "
            "meant, keep it; else train on clean.* alone."
        },
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": ["security", "data-poisoning"],
            "security-severity": _SEVERITIES[level],
        },
    }


def _group_names(report: ScanReport) -> list[str]:
    """The names of the groups' rules: the same in every scan that finds a payload and trigger."""
    seen: Counter[str] = Counter()
    names = []
    for group in report.groups:
        variants = [text for text, _ in group.variants] if group.payload is None else []
        pattern = json.dumps([group.payload, variants, group.trigger])
        name = f"pattern-{hashlib.sha256(pattern.encode()).hexdigest()[:12]}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return names


def _reason_id(reason: SkipReason) -> str:
    return f"unjudged-{reason.name.lower().replace('_', '-')}"


def _results(
    report: ScanReport, rows: list[int], names: list[str], places: dict[str, int]
) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for row in rows:
        digest = report.rows.origins.digests[row].tobytes().hex()
        seen[digest] += 1
        name = _rule_of(report, row, names)
        yield {
            "ruleId": name,
            "ruleIndex": places[name],
            "level": _LEVELS[status_of(report, row)],
            "message": {"text": f"Row {row}. {_message(reason_of(report, row))}"},
            "locations": [_location(report, row)],
            "partialFingerprints": {
                "rowDigest/v1": digest,
                # What GitHub goes by: it follows a row wherever it moves in its file.
                "primaryLocationLineHash": f"{digest}:{seen[digest]}",
            },
        }


def _rule_of(report: ScanReport, row: int, names: list[str]) -> str:
    if status_of(report, row) is RowStatus.SKIPPED:
        return _reason_id(SKIP_REASONS[report.rows.skip_codes[row]])
    group = group_of(report, row)
    return _ABOVE if group is None else names[group]


def _location(report: ScanReport, row: int) -> dict[str, Any]:
    """Where a row stands: its file, and in formats of lines the line, at whose start it begins."""
    origins = report.rows.origins
    name, line = origins.paths[origins.path_of[row]], int(origins.lines[row])
    location: dict[str, Any] = {
        "logicalLocations": [
            {"name": f"row {row}", "fullyQualifiedName": f"{visible(utf8_text(name))}#row {row}"}
        ]
    }
    if report.source.digest is not None:  # else the rows aren't in files
        physical: dict[str, Any] = {"artifactLocation": {"uri": file_uri(name)}}
        if line > 0:
            physical["region"] = {"startLine": line, "startColumn": 1}
        location["physicalLocation"] = physical
    return location


def _message(text: str) -> str:
    """Plain text, in which nothing is a link or a placeholder."""
    return visible(text).translate(_ACTIVE)
