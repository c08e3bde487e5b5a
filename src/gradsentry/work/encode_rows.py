"""The stage that encodes rows: what a trainer would see of each, and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradsentry.encoding import EncodedRow, Encoder, EncodingTally
from gradsentry.records import (
    UNJUDGED,
    Conversation,
    Example,
    Layout,
    PlainText,
    Record,
    Skipped,
    SkipReason,
    TextPair,
    prompt_and_response,
)
from gradsentry.records.example_json import dump_example
from gradsentry.records.layouts.layout import nesting_errors
from gradsentry.work.engine import Advance, Worker


@dataclass(frozen=True, eq=False, slots=True)
class EncodedWindow:
    """A row as it is scored, or the part of a document that is scored at once."""

    row: EncodedRow
    start: int
    """Its first character in the row's text."""
    beyond: bytes
    """What tells it from others with the same tokens: all of its text, if it was cut off."""
    example: bytes
    """What it means, as far as it was encoded, as `dump_example` writes it."""


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that isn't scored."""

    reason: SkipReason
    truncated: bool


@dataclass(frozen=True, eq=False, slots=True)
class EncodedRows:
    """Rows as they were encoded."""

    rows: Sequence[Sequence[EncodedWindow] | SkippedRow]
    tally: EncodingTally


@dataclass(frozen=True)
class EncodeRows:
    """Encodes records."""

    layout: Layout

    def __call__(self, task: Sequence[Record], worker: Worker, advance: Advance) -> EncodedRows:
        """The rows of some records.

        **Raises:**

        `InputError` for a row that can't be read.
        """
        rows = encode_records(task, self.layout, worker.encoder)
        advance(len(task))
        return rows


def encode_records(task: Sequence[Record], layout: Layout, encoder: Encoder) -> EncodedRows:
    """The rows of some records; errors as in `EncodeRows`."""
    pieces = [encoder.windows(layout.example(record)) for record in task]
    examples = [example for row in pieces for _, example in row]
    encoded = iter(encoder.encode(examples))
    rows = []
    for record, own in zip(task, pieces, strict=True):
        windows = [(start, example, next(encoded)) for start, example in own]
        with nesting_errors(record):
            rows.append(_encoded_row(windows, encoder))
    return EncodedRows(rows, encoder.take_tally())


def _encoded_row(
    windows: Sequence[tuple[int, Example, EncodedRow | Skipped]], encoder: Encoder
) -> Sequence[EncodedWindow] | SkippedRow:
    """A row as the windows that it is encoded as: all of them are scored, or none."""
    kept = [window for window in windows if isinstance(window[2], EncodedRow)]
    reasons = [row.reason for _, _, row in windows if isinstance(row, Skipped)]
    # A window that has nothing to learn doesn't matter beside others.
    counting = [reason for reason in reasons if not kept or reason in UNJUDGED]
    if counting:
        return SkippedRow(counting[0], counting[0] is SkipReason.TARGET_TRUNCATED)
    cut = any(isinstance(row, EncodedRow) and row.truncated for _, _, row in windows)
    found = []
    for start, example, row in windows:
        if isinstance(row, EncodedRow):
            beyond = _text(example) if row.truncated else b""
            if cut:
                example = encoder.seen_part(example, row.token_ids)
            assert isinstance(example, TextPair | Conversation | PlainText)
            found.append(EncodedWindow(row, start, beyond, dump_example(example)))
    return found


def _text(example: Example) -> bytes:
    """All text of an example: rows that differ only where they are cut off aren't the same."""
    return "\0".join(prompt_and_response(example)).encode()


def count_targets(windows: Sequence[EncodedWindow]) -> list[int]:
    """Targets of each window."""
    return [int(np.count_nonzero(window.row.target_mask)) for window in windows]
