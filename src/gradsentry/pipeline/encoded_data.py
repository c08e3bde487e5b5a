"""The first pass over the data: every row encoded into the store, or skipped with a reason."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import EncodedRow, EncodedStore, EncodedWriter, Encoder
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
    labels, control_tokens = array("b"), 0
    with EncodedWriter(folder) as writer:
        progress.stage("Encoding", None)
        for batch in batched(source.records(), _BATCH):
            examples = [layout.example(record) for record in batch]
            for example, row in zip(examples, encoder.encode(examples), strict=True):
                if isinstance(row, EncodedRow):
                    writer.append(row, _text(example) if row.truncated else b"")
                    control_tokens += row.control_tokens
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
        if encoder.template_problem is not None:
            progress.note(
                "The chat template can't render some rows; of the first it says: "
                f"{encoder.template_problem}. Another may: --chat-template."
            )
        codes = np.frombuffer(skip_codes, dtype=np.int8)
        stored_rows = np.flatnonzero(codes == NOT_SKIPPED)
        if len(stored_rows) == 0:
            counts = Counter(str(SKIP_REASONS[code]) for code in codes)
            reasons = ", ".join(f"{reason} ({count:,})" for reason, count in counts.items())
            raise InputError(
                f"{source.label}: none of its {len(codes)} rows can be scored: {reasons}.",
                f"Check that the columns are meant as read: {layout.name}.",
            )
        return EncodedData(
            store=writer.finish(),
            stored_rows=stored_rows,
            skip_codes=codes,
            target_tokens=np.frombuffer(target_tokens, dtype=np.int32),
            truncated=np.frombuffer(truncated, dtype=np.bool_),
            control_tokens=control_tokens,
            labels=None if label_column is None else np.frombuffer(labels, dtype=np.bool_),
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
