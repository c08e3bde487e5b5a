"""Everything that a scan writes into its output folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from gradsentry.records import Record
from gradsentry.report.html import render_html, top_rows

if TYPE_CHECKING:
    from gradsentry.pipeline.result import ScanResult

SCORES_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("flagged", pa.bool_(), nullable=False),
        pa.field("target_tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
    ]
)


def write_outputs(result: ScanResult, folder: Path) -> None:
    """Write scores, the parts of the data, summary, configuration and report into `folder`."""
    pq.write_table(scores_table(result), folder / "scores.parquet")
    files = result.source.write(folder, result.parts)
    summary = {**result.summary(), "files": files}
    _write_text(folder / "summary.json", json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    config = {
        "data_source": result.source.label,
        "layout": result.scanned_with.layout.name,
        "model_name": result.scanned_with.model,
        "model_revision": result.scanned_with.model_revision,
        **_plain(asdict(result.options)),
    }
    _write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    _write_text(folder / "report.html", render_html(result, _records(result, top_rows(result))))


def scores_table(result: ScanResult) -> pa.Table:
    """One row per input row, in order."""
    rows = result.rows
    scored = rows.scored
    return pa.Table.from_arrays(
        [
            pa.array(range(len(scored))),
            pa.array(["scored" if is_scored else "skipped" for is_scored in scored]),
            pa.array(rows.reasons, pa.string()),
            pa.array(rows.scores, mask=~scored),
            pa.array(result.flagged),
            pa.array(rows.target_tokens),
            pa.array(rows.truncated),
        ],
        schema=SCORES_SCHEMA,
    )


def _records(result: ScanResult, wanted: list[int]) -> list[Record]:
    """The wanted rows, in the order wanted; reads the data once."""
    rows = set(wanted)
    found = {record.row: record for record in result.source.records() if record.row in rows}
    return [found[row] for row in wanted]


def _plain(value: Any) -> Any:
    """Options as YAML's own types."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, StrEnum) else value


def _write_text(path: Path, text: str) -> None:
    # File names may hold bytes that are no UTF-8; they appear as escapes.
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
