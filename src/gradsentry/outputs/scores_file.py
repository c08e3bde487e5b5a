"""`scores.parquet`: a line for every input row, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gradsentry.outputs.output_format import Format, utf8_text
from gradsentry.report import ScanReport
from gradsentry.report.file_names import SCORES_FILE
from gradsentry.report.scores_schema import SCORES_SCHEMA

_ROWS_AT_ONCE = 65_536
"""Bounds memory: of a row some hundred bytes are held while it is written."""


class ScoresFile(Format):
    """Writes `scores.parquet`: a line for every input row."""

    file_name: ClassVar[str] = SCORES_FILE

    def write(self, report: ScanReport, path: Path) -> None:
        with pq.ParquetWriter(path, SCORES_SCHEMA) as writer:
            for first in range(0, len(report.scores), _ROWS_AT_ONCE):
                writer.write_table(scores_table(report, slice(first, first + _ROWS_AT_ONCE)))


def scores_table(report: ScanReport, rows: slice) -> pa.Table:
    """Some of the input rows, in order."""
    table, origins = report.rows, report.rows.origins
    scored = table.scored[rows]
    lines = origins.lines[rows]
    paths = [utf8_text(path) for path in origins.paths]
    columns: dict[str, Any] = {
        "row": range(len(table.scored))[rows],
        "path": [paths[code] for code in origins.path_of[rows]],
        "line": pa.array(lines, mask=lines < 0),
        "digest": [digest.tobytes().hex() for digest in origins.digests[rows]],
        "status": ["scored" if is_scored else "skipped" for is_scored in scored],
        "reason": table.reasons(rows),
        "score": pa.array(table.scores[rows], mask=~scored),
        "flagged": report.flagged[rows],
        **_found(report, rows),
        "target_tokens": table.target_tokens[rows],
        "truncated": table.truncated[rows],
        "label": _nothing(scored) if table.labels is None else table.labels[rows],
        "ruling": _nothing(scored) if report.rulings is None else report.rulings.column(rows),
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SCORES_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCORES_SCHEMA)


def _found(report: ScanReport, rows: slice) -> dict[str, Any]:
    """Group, verdict, turn, payload and trigger with their places of each row; null outside."""
    if report.findings is None:
        names = SCORES_SCHEMA.names
        own = names[names.index("group") : names.index("trigger_end") + 1]
        return dict.fromkeys(own, _nothing(report.scores[rows]))
    found, groups = report.findings.rows, report.findings.groups
    numbers, messages = found.groups[rows], found.messages[rows]
    starts, ends, spans = found.payload_starts[rows], found.payload_ends[rows], found.spans[rows]
    outside, unplaced = numbers < 0, starts < 0
    return {
        "group": pa.array(numbers + 1, mask=outside),
        "verdict": [None if n < 0 else str(groups[n].verdict) for n in numbers],
        "message": pa.array(messages, mask=outside | (messages < 0)),
        "payload": found.payloads[rows],
        "payload_start": pa.array(starts, mask=unplaced),
        "payload_end": pa.array(ends, mask=unplaced),
        "trigger": found.triggers[rows],
        "trigger_message": [None if span is None else span.message for span in spans],
        "trigger_start": [None if span is None else span.start for span in spans],
        "trigger_end": [None if span is None else span.end for span in spans],
    }


def _nothing(rows: NDArray[Any]) -> list[None]:
    return [None] * len(rows)
