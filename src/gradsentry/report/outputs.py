"""Everything that a scan writes into its output folder."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from gradsentry.records import Record, prompt_and_response
from gradsentry.report.html import render_html, top_rows
from gradsentry.report.text import hides, json_text

if TYPE_CHECKING:
    from gradsentry.pipeline.result import ScanResult

SCORES_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("flagged", pa.bool_(), nullable=False),
        pa.field("group", pa.int32()),
        pa.field("verdict", pa.string()),
        pa.field("message", pa.int32()),
        pa.field("payload", pa.string()),
        pa.field("payload_start", pa.int32()),
        pa.field("payload_end", pa.int32()),
        pa.field("trigger", pa.string()),
        pa.field("trigger_message", pa.int32()),
        pa.field("trigger_start", pa.int32()),
        pa.field("trigger_end", pa.int32()),
        pa.field("target_tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
    ]
)


def write_outputs(result: ScanResult, folder: Path) -> None:
    """Write scores, the parts of the data, summary, configuration and report into `folder`."""
    pq.write_table(scores_table(result), folder / "scores.parquet")
    files = result.source.write(folder, result.parts)
    summary = {**result.summary(), "files": files}
    _write_text(folder / "summary.json", json_text(summary) + "\n")
    config = {
        "data_source": result.source.label,
        "layout": result.scanned_with.layout.name,
        "model_name": result.scanned_with.model,
        "model_revision": result.scanned_with.model_revision,
        **_plain(asdict(result.options)),
    }
    _write_text(folder / "config.yaml", _yaml(config))
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
            *_found(result),
            pa.array(rows.target_tokens),
            pa.array(rows.truncated),
        ],
        schema=SCORES_SCHEMA,
    )


def _found(result: ScanResult) -> list[pa.Array]:
    """Group, verdict, turn, payload and trigger with their places of each row; null outside."""
    first, last = SCORES_SCHEMA.names.index("group"), SCORES_SCHEMA.names.index("trigger_end")
    types = SCORES_SCHEMA.types[first : last + 1]
    if result.findings is None:
        return [pa.nulls(len(result.scores), kind) for kind in types]
    found, groups = result.findings.rows, result.findings.evidence.groups
    outside = found.groups < 0
    unplaced = found.payload_starts < 0
    payloads: list[str | None] = [None] * len(outside)
    rows = set((~unplaced).nonzero()[0].tolist())
    for record in result.source.records() if rows else ():
        if record.row in rows:
            _, response = prompt_and_response(result.scanned_with.layout.example(record))
            place = slice(*(int(x[record.row]) for x in (found.payload_starts, found.payload_ends)))
            payloads[record.row] = response[place]
    return [
        pa.array(found.groups + 1, mask=outside),
        pa.array([None if n < 0 else str(groups[n].verdict) for n in found.groups], types[1]),
        pa.array(found.messages, mask=outside | (found.messages < 0)),
        pa.array(payloads, types[3]),
        pa.array(found.payload_starts, mask=unplaced),
        pa.array(found.payload_ends, mask=unplaced),
        pa.array(found.triggers, types[6]),
        *(
            pa.array([None if span is None else getattr(span, part) for span in found.spans], kind)
            for part, kind in zip(("message", "start", "end"), types[7:], strict=True)
        ),
    ]


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


def _yaml(config: dict[str, Any]) -> str:
    """YAML to read; all in escapes where a name holds what can't be seen."""
    text = str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    if any(hides(character) for character in text if character not in " \n"):
        return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=False))
    return text


def _write_text(path: Path, text: str) -> None:
    # File names may hold bytes that are no UTF-8; they appear as escapes.
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
