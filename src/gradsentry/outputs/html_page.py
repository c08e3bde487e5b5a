"""`report.html`: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from gradsentry.outputs.output_format import Format, write_text
from gradsentry.records import (
    Conversation,
    Example,
    Message,
    PlainText,
    Record,
    Skipped,
    TextPair,
    prompt_and_response,
)
from gradsentry.report import ScanReport
from gradsentry.report.file_names import PAGE_FILE
from gradsentry.report.verdict import (
    caveats,
    coverage,
    groups,
    headline,
    measured,
    provenance,
    together,
)
from gradsentry.safe_text import excerpt, visible

TOP_ROWS = 50
"""Rows shown. The report stays small whatever the size of the data."""

_BINS = 60
_EXCERPT = 600
_WIDTH, _HEIGHT = 900, 220


@dataclass(frozen=True)
class Bar:
    """One bar of the histogram, in the picture's units."""

    x: float
    y: float
    width: float
    height: float
    flagged: bool
    title: str


@dataclass(frozen=True)
class TopRow:
    """One of the highest-scoring rows."""

    row: int
    place: str
    """Where a person finds the row in the data."""
    score: float
    flagged: bool
    target_tokens: int
    group: int | None
    """Number of the row's group, from 1."""
    prompt: str
    response: tuple[str, str, str]
    """Before the payload, the payload, and behind it; the last two are empty without one."""


class HtmlPage(Format):
    """Writes `report.html`, one page with the verdict, the scores and the highest rows."""

    file_name: ClassVar[str] = PAGE_FILE

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, render_html(report, _records(report, top_rows(report))))


def _records(report: ScanReport, wanted: list[int]) -> list[Record]:
    """The wanted rows, in the order wanted; reads the data once."""
    rows = set(wanted)
    found = {record.row: record for record in report.source.records() if record.row in rows}
    return [found[row] for row in wanted]


def render_html(report: ScanReport, shown: list[Record]) -> str:
    """The report as HTML, with the rows of `top_rows` to show."""
    environment = Environment(
        loader=PackageLoader("gradsentry.outputs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        headline=headline(report),
        groups=groups(report),
        caveats=caveats(report),
        measured=measured(report),
        coverage=coverage(report),
        provenance=provenance(report),
        summary=report.summary(),
        axis=visible(report.options.detector.axis),
        found=[_shown_group(group) for group in report.summary()["groups"]],
        bars=_histogram(report),
        width=_WIDTH,
        height=_HEIGHT,
        threshold_x=_axis(report)(report.threshold.value),
        low=_range(report)[0],
        high=_range(report)[1],
        threshold=report.threshold.value,
        top_rows=[_top_row(report, record) for record in shown],
    )


def _shown_group(group: Mapping[str, Any]) -> dict[str, Any]:
    """A group's summary with its texts made visible."""
    texts = [variant["text"] for variant in group["payload_variants"]]
    payloads = texts if group["payload"] is None else [group["payload"]]
    return {
        **group,
        "payloads": [excerpt(text, _EXCERPT // 3) for text in payloads],
        "triggers": [together(words) for words in group["trigger"]],
    }


def top_rows(report: ScanReport) -> list[int]:
    """The rows with the highest scores, highest first; equal scores in the order of the data."""
    order = np.argsort(-report.scores, kind="stable")[:TOP_ROWS]  # NaN sorts to the end
    return [int(row) for row in order if report.rows.scored[row]]


def _top_row(report: ScanReport, record: Record) -> TopRow:
    example = report.layout.example(record)
    prompt, response = _texts(example)
    if report.findings is not None and report.findings.rows.payload_starts[record.row] >= 0:
        _, response = prompt_and_response(example)  # what the payload's place counts in
    return TopRow(
        record.row,
        visible(str(record.location)),
        float(report.scores[record.row]),
        bool(report.flagged[record.row]),
        int(report.rows.target_tokens[record.row]),
        _group_number(report, record.row),
        excerpt(prompt, _EXCERPT),
        _around_payload(report, record.row, response),
    )


def _group_number(report: ScanReport, row: int) -> int | None:
    if report.findings is None or report.findings.rows.groups[row] < 0:
        return None
    return int(report.findings.rows.groups[row]) + 1


def _around_payload(report: ScanReport, row: int, response: str) -> tuple[str, str, str]:
    start = -1 if report.findings is None else int(report.findings.rows.payload_starts[row])
    if report.findings is None or start < 0:
        return excerpt(response, _EXCERPT), "", ""
    end = int(report.findings.rows.payload_ends[row])
    parts = (response[:start], response[start:end], response[end:])
    before, payload, after = (excerpt(part, _EXCERPT // 3) for part in parts)
    return before, payload, after


def _range(report: ScanReport) -> tuple[float, float]:
    scores = report.scores[report.rows.scored]
    low = min(float(scores.min()), report.threshold.value)
    high = max(float(scores.max()), report.threshold.value)
    margin = 0.02 * (high - low) or 0.01
    return low - margin, high + margin


def _axis(report: ScanReport):  # type: ignore[no-untyped-def]
    low, high = _range(report)
    return lambda score: (score - low) / (high - low) * _WIDTH


def _histogram(report: ScanReport) -> list[Bar]:
    """Bars that never straddle the threshold, their height the square root of the count.

    Poison is rare: on a linear scale its bars would vanish beside the clean ones.
    """
    low, high = _range(report)
    threshold = report.threshold.value
    below = max(1, round(_BINS * (threshold - low) / (high - low)))
    edges = np.concatenate(
        [
            np.linspace(low, threshold, below + 1),
            np.linspace(threshold, high, max(1, _BINS - below) + 1)[1:],
        ]
    )
    counts, _ = np.histogram(report.scores[report.rows.scored], edges)
    x = _axis(report)
    tallest = float(np.sqrt(counts.max()))
    bars = []
    for count, left, right in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
        height = float(np.sqrt(count)) / tallest * _HEIGHT
        bars.append(
            Bar(
                x=float(x(left)),
                y=_HEIGHT - height,
                width=max(0.5, float(x(right) - x(left)) - 1),
                height=height,
                flagged=bool(left >= threshold),
                title=f"{count:,} rows from {left:.3f} to {right:.3f}",
            )
        )
    return bars


def _turn(message: Message) -> str:
    """A message with all that it carries: a payload may be a tool call."""
    extra = {key: value for key, value in message.items() if key not in ("role", "content")}
    said = f"{message['role']}: {message['content'] or ''}"
    return f"{said} {json.dumps(extra, ensure_ascii=False, default=str)}" if extra else said


def _texts(example: Example) -> tuple[str, str]:
    """(prompt, response) to show for an example."""
    match example:
        case TextPair():
            return example.prompt, example.response
        case PlainText():
            return "", example.text
        case Conversation():
            # With all tokens as targets a conversation needs no turn of the assistant's.
            first = next(iter(example.target_turns), len(example.messages))
            turns = [_turn(message) for message in example.messages]
            return "\n".join(turns[:first]), "\n".join(turns[first:])
        case Skipped():
            raise AssertionError("skipped rows have no score and are never shown")
