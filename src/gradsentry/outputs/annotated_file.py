"""`annotated.jsonl`: a line for every row that isn't clean, or that a person must look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from gradsentry.outputs.output_format import Format, utf8_text
from gradsentry.report import ScanReport
from gradsentry.report.file_names import ANNOTATED_FILE
from gradsentry.report.row_reasons import (
    RowStatus,
    group_of,
    reason_of,
    status_of,
    unclear_rows,
)
from gradsentry.report.summary_document import Document
from gradsentry.safe_text import json_line


class PayloadSpan(Document):
    """What a response holds that depends on the trigger."""

    text: str | None
    start: int | None
    """Its first character in the response, counted from 0 in Unicode code points; null where it
    stands in no one place. In conversations the response is what all turns that are trained on
    say, joined by line ends."""
    end: int | None
    """Behind its last."""


class TriggerPlaced(Document):
    """The words of a prompt that call the payload."""

    text: str | None
    message: int | None
    """Position, from 0, of the message that they stand in; null where rows are no conversations."""
    start: int | None
    """Their first character in the prompt, or in that message's content; null where they stand
    apart."""
    end: int | None
    """Behind their last."""


class AnnotatedRow(Document):
    """A line of `annotated.jsonl`: a row that is flagged, for review or skipped."""

    row: int
    """Number of the row, from 0 in the order of the data."""
    path: str
    """The file that it's from, or what else the data are called."""
    line: int | None
    """The line of the file in which it begins, from 1; null in formats without lines."""
    digest: str
    """32 hexadecimal digits that tell its content from others', wherever it stands."""
    status: RowStatus
    """`flagged`, `review` or `skipped`."""
    score: float | None
    """In [0, 1]; null for skipped rows."""
    verdict: str | None
    """Of its group, `poison` or `review`; null outside of groups."""
    group: int | None
    """Number of its group, from 1, as in `summary.json`."""
    message: int | None
    """Position, from 0, of the assistant's message that says so; null where rows are no
    conversations."""
    payload: PayloadSpan | None
    """Null outside of groups."""
    trigger: TriggerPlaced | None
    """Null outside of groups."""
    reason: str
    """Why, in a sentence. Texts of the data in it are cut, and escaped where they would hide."""


class AnnotatedFile(Format):
    """Writes `annotated.jsonl`."""

    file_name: ClassVar[str] = ANNOTATED_FILE

    def write(self, report: ScanReport, path: Path) -> None:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{json_line(row)}\n" for row in annotated_rows(report))


def annotated_rows(report: ScanReport) -> Iterator[dict[str, Any]]:
    """The rows in the order of the data, as `AnnotatedRow` describes them."""
    origins, scores = report.rows.origins, report.scores
    paths = [utf8_text(path) for path in origins.paths]
    for row in np.flatnonzero(unclear_rows(report)).tolist():
        line, group = int(origins.lines[row]), group_of(report, row)
        yield {
            "row": row,
            "path": paths[origins.path_of[row]],
            "line": None if line < 0 else line,
            "digest": origins.digests[row].tobytes().hex(),
            "status": str(status_of(report, row)),
            "score": float(scores[row]) if report.rows.scored[row] else None,
            "verdict": None if group is None else str(report.groups[group].verdict),
            "group": None if group is None else group + 1,
            **_places(report, row, group),
            "reason": reason_of(report, row),
        }


def _places(report: ScanReport, row: int, group: int | None) -> dict[str, Any]:
    """Turn, payload and trigger of a row."""
    if report.findings is None or group is None:
        return {"message": None, "payload": None, "trigger": None}
    found = report.findings.rows
    message, start = int(found.messages[row]), int(found.payload_starts[row])
    span, is_placed = found.spans[row], start >= 0
    return {
        "message": None if message < 0 else message,
        "payload": {
            "text": found.payloads[row],
            "start": start if is_placed else None,
            "end": int(found.payload_ends[row]) if is_placed else None,
        },
        "trigger": {
            "text": found.triggers[row],
            "message": None if span is None else span.message,
            "start": None if span is None else span.start,
            "end": None if span is None else span.end,
        },
    }
