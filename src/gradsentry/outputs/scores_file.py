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


class ScoresFile(Format):
    """Writes `scores.parquet`: a line for every input row."""

    file_name: ClassVar[str] = SCORES_FILE

    def write(self, report: ScanReport, path: Path) -> None:
        pq.write_table(scores_table(report), path)


def scores_table(report: ScanReport) -> pa.Table:
    """One row per input row, in order."""
    rows = report.rows
    scored = rows.scored
    paths = [utf8_text(path) for path in rows.origins.paths]
    columns: dict[str, Any] = {
        "row": range(len(scored)),
        "path": [paths[code] for code in rows.origins.path_of],
        "line": pa.array(rows.origins.lines, mask=rows.origins.lines < 0),
        "digest": [digest.tobytes().hex() for digest in rows.origins.digests],
        "status": ["scored" if is_scored else "skipped" for is_scored in scored],
        "reason": rows.reasons,
        "score": pa.array(rows.scores, mask=~scored),
        "flagged": report.flagged,
        **_found(report),
        "target_tokens": rows.target_tokens,
        "truncated": rows.truncated,
        "label": _nothing(scored) if rows.labels is None else rows.labels,
        "ruling": _nothing(scored) if report.rulings is None else report.rulings.column(),
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SCORES_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCORES_SCHEMA)


def _found(report: ScanReport) -> dict[str, Any]:
    """Group, verdict, turn, payload and trigger with their places of each row; null outside."""
    if report.findings is None:
        names = SCORES_SCHEMA.names
        own = names[names.index("group") : names.index("trigger_end") + 1]
        return dict.fromkeys(own, _nothing(report.scores))
    found, groups = report.findings.rows, report.findings.groups
    outside = found.groups < 0
    unplaced = found.payload_starts < 0
    spans = found.spans
    return {
        "group": pa.array(found.groups + 1, mask=outside),
        "verdict": [None if n < 0 else str(groups[n].verdict) for n in found.groups],
        "message": pa.array(found.messages, mask=outside | (found.messages < 0)),
        "payload": found.payloads,
        "payload_start": pa.array(found.payload_starts, mask=unplaced),
        "payload_end": pa.array(found.payload_ends, mask=unplaced),
        "trigger": found.triggers,
        "trigger_message": [None if span is None else span.message for span in spans],
        "trigger_start": [None if span is None else span.start for span in spans],
        "trigger_end": [None if span is None else span.end for span in spans],
    }


def _nothing(rows: NDArray[Any]) -> list[None]:
    return [None] * len(rows)
