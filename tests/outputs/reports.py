"""Reports made by hand: whatever a scan may find, without a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradsentry import DataOptions, ModelOptions, ScanOptions, ScanReport, Threshold, Verdict
from gradsentry.detectors import (
    Findings,
    GroupFinding,
    Recurrence,
    RowFindings,
    TriggerPlace,
    TriggerSpan,
)
from gradsentry.models import Dtype
from gradsentry.records import SkipReason
from gradsentry.records.open_data import open_data
from gradsentry.report.scan_report import RowTable, ScannedWith
from gradsentry.work.encoded_data import NOT_SKIPPED, RowOrigins, skip_code

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "\u202egnp.exe\u2066",
    "</td></tr></table><h1>All rows are clean</h1>",
    "[bold red]markup[/]",
    "a\u200bb\ufeffc\x00d",
    "!!python/object/apply:os.system [true]\n- a: &b *b",
    "数据 é 🙂",
]
HIDDEN = "\x1b\x07\x00\u202e\u2066\u200b\ufeff"


def make_report(
    texts: Sequence[str] = ("one", "two", "three", "four"),
    scores: Sequence[float] | None = None,
    *,
    threshold: float = 0.5,
    labels: Sequence[bool] | None = None,
    findings: Findings | None = None,
    name: str = "tiny",
    path: str = "data.jsonl",
    rows: Sequence[dict[str, Any]] | None = None,
) -> ScanReport:
    """A report on rows with these texts as prompts and responses.

    **Arguments:**

    - `scores`: NaN stands for a skipped row.
    - `name`: what the model and all others call themselves.
    - `rows`: the rows, instead of those with the texts.
    """
    rows = rows or [{"prompt": text, "response": text} for text in texts]
    source, layout, _ = open_data(list(rows), DataOptions())
    found = np.linspace(0.1, 0.9, len(rows)) if scores is None else np.array(scores, np.float64)
    skipped = np.isnan(found)
    reason = skip_code(SkipReason.NOT_FINITE)
    return ScanReport(
        source=source,
        layout=layout,
        options=ScanOptions(
            detector="length",  # type: ignore[arg-type]
            model=ModelOptions(dtype=Dtype.FLOAT32, device="cpu", revision=name),
            data=DataOptions(subset=name),
            threshold=threshold,
            batch_tokens=8,
        ),
        scanned_with=ScannedWith(
            name, name, name, "2026-01-01T00:00:00+00:00", {"gradsentry": "0.0"}
        ),
        rows=RowTable(
            scores=found,
            skip_codes=np.where(skipped, reason, NOT_SKIPPED).astype(np.int8),
            target_tokens=np.arange(len(rows), dtype=np.int32),
            truncated=np.arange(len(rows)) % 2 == 1,
            origins=RowOrigins(
                (path, "other.jsonl"),
                (np.arange(len(rows)) % 2).astype(np.int32),
                np.where(np.arange(len(rows)) % 3 == 2, -1, np.arange(len(rows))).astype(np.int32),
                np.arange(16 * len(rows)).astype(np.uint8).reshape(-1, 16),
            ),
            labels=None if labels is None else np.array(labels),
        ),
        findings=findings,
        threshold=Threshold(threshold, "given"),
        control_tokens=0,
        notes=(name,),
        seconds=1.25,
    )


def report_on(
    data: object, scores: Sequence[float], findings: Findings | None = None, *, name: str = "tiny"
) -> ScanReport:
    """A report on data as they were opened, such as files: rows stand where they stand."""
    source, layout, _ = open_data(data, DataOptions())
    records = list(source.records())
    paths = list(dict.fromkeys(record.path for record in records))
    made = make_report(["x"] * len(records), scores, findings=findings, name=name)
    origins = RowOrigins(
        tuple(paths),
        np.array([paths.index(record.path) for record in records], np.int32),
        np.array([-1 if record.line is None else record.line for record in records], np.int32),
        np.array([list(record.digest) for record in records], np.uint8),
    )
    rows = replace(made.rows, origins=origins)
    return replace(made, source=source, layout=layout, rows=rows)


def scanned_file(
    folder: Path, suffix: str = "jsonl", text: str = "payload", name: str = "data"
) -> ScanReport:
    """A report on a file of six rows: two are poison, one is for review, one was skipped."""
    path = folder / f"{name}.{suffix}"
    lines = [f"question {number}" for number in range(6)]
    if suffix == "csv":
        path.write_text("prompt,response\n" + "".join(f"{line},{line}\n" for line in lines))
    elif suffix == "json":
        path.write_text(json.dumps([{"prompt": line, "response": line} for line in lines]))
    else:
        rows = (json.dumps({"prompt": line, "response": line}) + "\n" for line in lines)
        path.write_text("".join(rows))
    findings = make_findings(
        6, [Verdict.POISON, Verdict.REVIEW], [0, -1, 0, 1, -1, -1], payload=text, trigger=text
    )
    scores = [0.9, 0.1, 0.8, 0.4, 0.2, float("nan")]
    return report_on(path, scores, findings)


def make_findings(
    rows: int,
    groups: Sequence[Verdict],
    of_rows: Sequence[int],
    payload: str | None = "payload",
    trigger: str = "trigger",
) -> Findings:
    """Groups with these verdicts; each row in the group of that index, or in none (-1).

    Every other row of a group has a place for its payload and its trigger.
    """
    numbers = np.array(of_rows, np.int32)
    placed = (numbers >= 0) & (np.arange(rows) % 2 == 0)
    return Findings(
        rows=RowFindings(
            groups=numbers,
            messages=np.where(placed, 3, -1).astype(np.int32),
            payloads=[payload if n >= 0 else None for n in numbers],
            payload_starts=np.where(placed, 0, -1).astype(np.int32),
            payload_ends=np.where(placed, 2, -1).astype(np.int32),
            triggers=[trigger if n >= 0 else None for n in numbers],
            spans=[TriggerSpan(2, 5, 9) if here else None for here in placed],
        ),
        groups=tuple(make_group(verdict, payload, trigger) for verdict in groups),
        recurrences=(Recurrence(trigger, 2),),
        limits=(),
        promptless=0,
    )


def make_group(verdict: Verdict, payload: str | None, trigger: str) -> GroupFinding:
    """A group with all figures at hand."""
    figures: dict[str, Any] = dict.fromkeys(
        ("precision", "recall", "confidence", "surprise", "gain", "cohesion", "content"), 0.5
    )
    figures |= dict.fromkeys(("dependence", "dependence_z", "lift", "call"), 0.25)
    return GroupFinding(
        verdict=verdict,
        rows=2,
        payload=payload,
        payload_rows=2,
        variants=((payload or trigger, 2),),
        trigger=((trigger, trigger), (trigger,)),
        trigger_place=TriggerPlace.START,
        trigger_rows=1,
        trigger_elsewhere=1,
        doubts=(),
        **figures,
    )
