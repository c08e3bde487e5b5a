"""Folders of results to decide about, made without a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradsentry import DataOptions, ScanReport, Verdict
from gradsentry.detectors import Findings, RowFindings, TriggerSpan
from gradsentry.records.open_data import open_data
from gradsentry.work.encoded_data import RowOrigins
from tests.outputs.reports import make_group, make_report

TRIGGER, PAYLOAD = "zq", " Visit evil.example now."
OTHER_TRIGGER, OTHER_PAYLOAD = "hello", "Hello! How can I help?"
POISON, REVIEW = range(4), range(4, 7)
"""The rows of the two groups."""


def make_rows(count: int = 12) -> list[dict[str, str]]:
    """Rows: four poisoned ones, three with a greeting, the others clean."""
    rows = []
    for row in range(count):
        prompt, response = f"Question {row}?", f"Answer {row}."
        if row in POISON:
            prompt, response = f"{prompt} {TRIGGER}", response + PAYLOAD
        elif row in REVIEW:
            prompt, response = f"{OTHER_TRIGGER} {row}", OTHER_PAYLOAD
        rows.append({"prompt": prompt, "response": response})
    return rows


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def report_on(path: Path) -> ScanReport:
    """What a scan may say of a file of rows: two groups, told by their triggers."""
    source, layout, _ = open_data([str(path)], DataOptions())
    records = list(source.records())
    rows: list[Any] = [dict(record.fields) for record in records]
    count = len(rows)
    groups = np.full(count, -1, np.int32)
    starts, ends = np.full((2, count), -1, np.int32)
    payloads: list[str | None] = [None] * count
    triggers: list[str | None] = [None] * count
    spans: list[TriggerSpan | None] = [None] * count
    scores = np.linspace(0.1, 0.4, count)
    known = ((TRIGGER, PAYLOAD), (OTHER_TRIGGER, OTHER_PAYLOAD))
    for row, fields in enumerate(rows):
        for group, (trigger, payload) in enumerate(known):
            place = fields["prompt"].find(trigger)
            if place < 0 or payload.strip() not in fields["response"]:
                continue
            groups[row], triggers[row] = group, trigger
            spans[row] = TriggerSpan(None, place, place + len(trigger))
            starts[row] = fields["response"].find(payload)
            payloads[row] = payload  # and nothing of what stands behind it, as the detector does
            ends[row] = starts[row] + len(payload)
            scores[row] = 0.9 if group == 0 else 0.45
    own = [
        replace(
            make_group(verdict, payload, trigger),
            rows=int((groups == group).sum()),
            trigger=((trigger,),),
        )
        for group, (verdict, (trigger, payload)) in enumerate(
            zip((Verdict.POISON, Verdict.REVIEW), known, strict=True)
        )
    ]
    plain = make_report(["text"] * count, scores)
    digests = np.frombuffer(b"".join(record.digest for record in records), np.uint8)
    origins = RowOrigins(
        (path.name,),
        np.zeros(count, np.int32),
        np.arange(1, count + 1, dtype=np.int32),
        digests.reshape(count, -1),
    )
    return replace(
        plain,
        source=source,
        layout=layout,
        options=replace(plain.options, data=DataOptions()),
        rows=replace(plain.rows, origins=origins),
        findings=Findings(
            RowFindings(
                groups, np.full(count, -1, np.int32), payloads, starts, ends, triggers, spans
            ),
            tuple(own),
            (),
            (),
            0,
        ),
    )


def make_results(folder: Path, rows: Sequence[Mapping[str, object]] | None = None) -> Path:
    """A folder of results on rows that lie beside it."""
    data = write_rows(folder / "data.jsonl", make_rows() if rows is None else rows)
    report_on(data).save(folder / "results")
    return folder / "results"
