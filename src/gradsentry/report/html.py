"""`report.html`: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

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
from gradsentry.report.text import excerpt, visible
from gradsentry.report.verdict import (
    caveats,
    coverage,
    groups,
    headline,
    measured,
    provenance,
    together,
)

if TYPE_CHECKING:
    from gradsentry.pipeline.result import ScanResult

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


def render_html(result: ScanResult, shown: list[Record]) -> str:
    """The report as HTML, with the rows of `top_rows` to show."""
    environment = Environment(
        loader=PackageLoader("gradsentry.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        headline=headline(result),
        groups=groups(result),
        caveats=caveats(result),
        measured=measured(result),
        coverage=coverage(result),
        provenance=provenance(result),
        summary=result.summary(),
        axis=_axis_label(result),
        found=[_shown_group(group) for group in result.group_summaries()],
        bars=_histogram(result),
        width=_WIDTH,
        height=_HEIGHT,
        threshold_x=_axis(result)(result.threshold.value),
        low=_range(result)[0],
        high=_range(result)[1],
        threshold=result.threshold.value,
        top_rows=[_top_row(result, record) for record in shown],
    )


AXES = {
    "transfer": "Below 0.5 a row is in no group, up to 0.75 it is up for review, above it is "
    "poison",
    "spectral": "Spectral entropy of the gradient of {module}, one value a row",
    "graceful": "Above 0.5 a row is in the smaller of two clusters of head gradients; the distance "
    "from 0.5 says how much nearer it is to its own",
    "spectral-signatures": "Squared projection on the representations' first principal direction, "
    "as a part of itself and of the value above which rows are flagged",
    "activation-clustering": "Above 0.5 a row is in the smaller of two clusters of "
    "representations; the distance from 0.5 says how much nearer it is to its own",
    "cube": "Above 0.5 a row is outside the largest dense cluster of representations; the distance "
    "from 0.5 says how firmly it belongs to its own",
    "perplexity": "n / (n + 4) for a response of n nats a token",
    "onion": "The largest part of the prompt's perplexity that goes with one of its words",
    "length": "T / (T + 16) for a row of T target tokens",
    "recurrence": "1 for rows that hold the commonest string of six words, else half the part of "
    "its rows that hold the row's own commonest one",
}
"""What a detector's scores are."""


def _axis_label(result: ScanResult) -> str:
    return AXES[result.options.detector].format(
        module=visible(result.options.spectral.target_module)
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


def top_rows(result: ScanResult) -> list[int]:
    """The rows with the highest scores, highest first; equal scores in the order of the data."""
    order = np.argsort(-result.scores, kind="stable")[:TOP_ROWS]  # NaN sorts to the end
    return [int(row) for row in order if result.rows.scored[row]]


def _top_row(result: ScanResult, record: Record) -> TopRow:
    example = result.scanned_with.layout.example(record)
    prompt, response = _texts(example)
    if result.findings is not None and result.findings.rows.payload_starts[record.row] >= 0:
        _, response = prompt_and_response(example)  # what the payload's place counts in
    return TopRow(
        record.row,
        visible(record.place),
        float(result.scores[record.row]),
        bool(result.flagged[record.row]),
        int(result.rows.target_tokens[record.row]),
        _group_number(result, record.row),
        excerpt(prompt, _EXCERPT),
        _around_payload(result, record.row, response),
    )


def _group_number(result: ScanResult, row: int) -> int | None:
    if result.findings is None or result.findings.rows.groups[row] < 0:
        return None
    return int(result.findings.rows.groups[row]) + 1


def _around_payload(result: ScanResult, row: int, response: str) -> tuple[str, str, str]:
    start = -1 if result.findings is None else int(result.findings.rows.payload_starts[row])
    if result.findings is None or start < 0:
        return excerpt(response, _EXCERPT), "", ""
    end = int(result.findings.rows.payload_ends[row])
    parts = (response[:start], response[start:end], response[end:])
    before, payload, after = (excerpt(part, _EXCERPT // 3) for part in parts)
    return before, payload, after


def _range(result: ScanResult) -> tuple[float, float]:
    scores = result.scores[result.rows.scored]
    low = min(float(scores.min()), result.threshold.value)
    high = max(float(scores.max()), result.threshold.value)
    margin = 0.02 * (high - low) or 0.01
    return low - margin, high + margin


def _axis(result: ScanResult):  # type: ignore[no-untyped-def]
    low, high = _range(result)
    return lambda score: (score - low) / (high - low) * _WIDTH


def _histogram(result: ScanResult) -> list[Bar]:
    """Bars that never straddle the threshold, their height the square root of the count.

    Poison is rare: on a linear scale its bars would vanish beside the clean ones.
    """
    low, high = _range(result)
    threshold = result.threshold.value
    below = max(1, round(_BINS * (threshold - low) / (high - low)))
    edges = np.concatenate(
        [
            np.linspace(low, threshold, below + 1),
            np.linspace(threshold, high, max(1, _BINS - below) + 1)[1:],
        ]
    )
    counts, _ = np.histogram(result.scores[result.rows.scored], edges)
    x = _axis(result)
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
