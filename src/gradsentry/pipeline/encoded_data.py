"""The first pass over the data: every row encoded into the store, or skipped with a reason."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import (
    TEMPLATE_DATE,
    EncodedRow,
    EncodedStore,
    EncodedWriter,
    Encoder,
)
from gradsentry.errors import InputError
from gradsentry.pipeline.progress import Progress
from gradsentry.records import (
    Example,
    Layout,
    Record,
    SkipReason,
    Source,
    batched,
    prompt_and_response,
)

_BATCH = 256

_MANY_CUT = 0.1
"""Share of the rows; where fewer are cut off, the limit is the data's, not the script's."""
_COSTLY = 0.8
"""Tokens a character: text of a script that the tokenizer knows takes 0.2 to 0.6, code 0.4."""

_REASON_CHARACTERS = 200

SKIP_REASONS = tuple(SkipReason)
"""What the codes in `EncodedData.skip_codes` stand for."""
NOT_SKIPPED = -1


def skip_code(reason: SkipReason) -> int:
    """The code that stands for a reason."""
    return SKIP_REASONS.index(reason)


@dataclass(frozen=True)
class EncodedData:
    """All rows after encoding; arrays have one entry per input row unless said otherwise."""

    store: EncodedStore
    stored_rows: NDArray[np.int64]
    """Shape (stored,): the input row of every row in the store."""
    skip_codes: NDArray[np.int8]
    """Index into `SKIP_REASONS`, or `NOT_SKIPPED`."""
    target_tokens: NDArray[np.int32]
    """Targets a row; 0 for skipped rows."""
    truncated: NDArray[np.bool_]
    control_tokens: int
    """Rows whose own text spells special tokens."""
    notes: tuple[str, ...]
    """What else the user should know of how the rows were encoded, in sentences."""
    labels: NDArray[np.bool_] | None
    """Known poison labels, if a label column was named."""


def encode_source(
    source: Source,
    layout: Layout,
    encoder: Encoder,
    folder: Path,
    label_column: str | None,
    progress: Progress,
) -> EncodedData:
    """Encode all rows of a source into a store in `folder`.

    **Raises:**

    `InputError` for a row that can't be read, or if every row is skipped.
    """
    skip_codes, target_tokens, truncated = array("b"), array("i"), array("b")
    labels, control_tokens, thoughts_dropped = array("b"), 0, 0
    with EncodedWriter(folder) as writer:
        progress.stage("Encoding", None)
        for batch in batched(source.records(), _BATCH):
            examples = [layout.example(record) for record in batch]
            for example, row in zip(examples, encoder.encode(examples), strict=True):
                if isinstance(row, EncodedRow):
                    writer.append(row, _text(example) if row.truncated else b"")
                    control_tokens += row.control_tokens
                    thoughts_dropped += row.thoughts_dropped
                    skip_codes.append(NOT_SKIPPED)
                    target_tokens.append(int(row.target_mask.sum()))
                    truncated.append(row.truncated)
                else:
                    skip_codes.append(skip_code(row.reason))
                    target_tokens.append(0)
                    truncated.append(row.reason is SkipReason.TARGET_TRUNCATED)
            if label_column is not None:
                labels.extend(known_label(record, label_column) for record in batch)
            progress.advance(len(batch))
        codes = np.frombuffer(skip_codes, dtype=np.int8)
        cut_off = np.frombuffer(truncated, dtype=np.bool_)
        notes = tuple(_notes(encoder, len(codes), int(cut_off.sum()), thoughts_dropped))
        for note in notes:
            progress.note(note)
        stored_rows = np.flatnonzero(codes == NOT_SKIPPED)
        if len(stored_rows) == 0:
            raise _nothing_scored(source, layout, codes)
        return EncodedData(
            store=writer.finish(),
            stored_rows=stored_rows,
            skip_codes=codes,
            target_tokens=np.frombuffer(target_tokens, dtype=np.int32),
            truncated=cut_off,
            control_tokens=control_tokens,
            notes=notes,
            labels=None if label_column is None else np.frombuffer(labels, dtype=np.bool_),
        )


def _notes(encoder: Encoder, rows: int, cut_off: int, thoughts_dropped: int) -> Iterator[str]:
    """What the user should know of how the rows were encoded."""
    if encoder.template_problem is not None:
        yield (
            "The chat template can't render some rows; of the first it says: "
            f"{encoder.template_problem}. Another may: --chat-template."
        )
    if encoder.tokenizer_problem is not None:
        yield (
            "The tokenizer fails on some rows; of the first it says: "
            f"{encoder.tokenizer_problem[:_REASON_CHARACTERS]}."
        )
    if encoder.writes_date:
        yield (
            "The chat template writes today's date; all rows got "
            f"{TEMPLATE_DATE:%d %B %Y} instead, so that another scan gives the same."
        )
    if thoughts_dropped:
        yield (
            f"The chat template leaves out thoughts of earlier turns in {thoughts_dropped:,} rows: "
            "a trainer with this template doesn't train on them, and they weren't scored."
        )
    costs = encoder.cut_tokens / max(1, encoder.cut_characters)
    if cut_off >= _MANY_CUT * rows and costs > _COSTLY:
        yield (
            f"{cut_off:,} of {rows:,} rows are cut off at {encoder.max_length:,} tokens, and the "
            f"tokenizer spends {costs:.1f} tokens on each of their characters, as on a script that "
            "it hardly knows. A --model that knows the language reads more of a row; so does a "
            "larger --max-length."
        )


def _nothing_scored(source: Source, layout: Layout, codes: NDArray[np.int8]) -> InputError:
    counts = Counter(str(SKIP_REASONS[code]) for code in codes)
    reasons = ", ".join(f"{reason} ({count:,})" for reason, count in counts.items())
    return InputError(
        f"{source.label}: none of its {len(codes)} rows can be scored: {reasons}.",
        f"Check that the columns are meant as read: {layout.name}.",
    )


def _text(example: Example) -> bytes:
    """All text of an example: rows that differ only where they are cut off aren't the same."""
    return "\0".join(prompt_and_response(example)).encode()


_LABELS = {"0": False, "false": False, "1": True, "true": True}


def known_label(record: Record, column: str) -> bool:
    """The poison label of a row: 0 or 1, as a number, a boolean or their text.

    **Raises:**

    `InputError` if the row has no such column, or something else in it.
    """
    value = record.value(column)
    text = str(int(value)) if value in (0, 1) else str(value).strip().lower()
    if text not in _LABELS:
        raise InputError(
            f"{record.place}: the label column {column!r} holds {str(value)[:40]!r}.",
            "Labels must be 0 or 1, or false or true.",
        )
    return _LABELS[text]
