"""The first pass over the data: every row encoded into the store, or skipped with a reason."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import (
    TEMPLATE_DATE,
    EncodedStore,
    EncodedWriter,
    EncodingOptions,
    EncodingTally,
)
from gradsentry.errors import InputError
from gradsentry.file_array import FileArrayWriter
from gradsentry.records import Layout, Record, SkipReason, Source, UnreadLater, batched
from gradsentry.records.record import DIGEST_BYTES
from gradsentry.work.encode_rows import EncodedRows, EncodeRows, SkippedRow, count_targets
from gradsentry.work.engine import Engine
from gradsentry.work.progress import Progress

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


@dataclass(frozen=True, eq=False)
class RowOrigins:
    """Where each input row stands, and what its content is."""

    paths: tuple[str, ...]
    """The files that rows are from, or what else the data are called."""
    path_of: NDArray[np.int32]
    """Shape (rows,): which of them."""
    lines: NDArray[np.int32]
    """Shape (rows,): the line of the file in which a row begins, or -1."""
    digests: NDArray[np.uint8]
    """Shape (rows, 16): as in `Record.digest`."""


@dataclass(frozen=True, eq=False)
class EncodedData:
    """All rows after encoding; arrays have one entry per input row unless said otherwise."""

    store: EncodedStore
    stored_rows: NDArray[np.int64]
    """Shape (stored,): the input row of every row in the store, ascending. A document that is read
    in windows has one row in the store for each."""
    stored_targets: NDArray[np.int32]
    """Shape (stored,): its targets."""
    skip_codes: NDArray[np.int8]
    """Index into `SKIP_REASONS`, or `NOT_SKIPPED`."""
    target_tokens: NDArray[np.int32]
    """Targets a row; 0 for skipped rows."""
    truncated: NDArray[np.bool_]
    control_tokens: int
    """Rows whose own text spells special tokens."""
    notes: tuple[str, ...]
    """What else the user should know of how the rows were encoded, in sentences."""
    origins: RowOrigins
    labels: NDArray[np.bool_] | None
    """Known poison labels, if a label column was named."""


def encode_source(
    source: Source,
    layout: Layout,
    options: EncodingOptions,
    engine: Engine,
    folder: Path,
    label_column: str | None,
    progress: Progress,
) -> EncodedData:
    """Encode all rows of a source into a store in `folder`; the source is read once.

    **Raises:**

    `InputError` for a row that can't be read, or if every row is skipped.
    """
    unread = UnreadLater(layout)

    def read() -> Iterator[list[Record]]:
        for batch in batched(source.records(), _BATCH):
            for record in batch:
                unread.look(record)
                seen.stand(record)
            yield batch

    with EncodedWriter(folder) as writer, closing(_Seen(label_column, folder)) as seen:
        progress.stage("Encoding", None)
        for block in engine.map(EncodeRows(layout), read(), progress.advance):
            seen.add(block, writer)
        codes = np.frombuffer(seen.skip_codes, dtype=np.int8)
        cut_off = np.frombuffer(seen.truncated, dtype=np.bool_)
        notes = tuple(_notes(seen, options.max_length, len(codes), int(cut_off.sum())))
        if (unread_note := unread.note()) is not None:
            notes += (unread_note,)
        for note in notes:
            progress.note(note)
        if not seen.is_any_stored:
            raise _nothing_scored(source, layout, codes)
        return EncodedData(
            store=writer.finish(),
            stored_rows=seen.stored_rows.finish(),
            stored_targets=seen.stored_targets.finish(),
            skip_codes=codes,
            target_tokens=seen.target_tokens.finish(),
            truncated=cut_off,
            control_tokens=seen.control_tokens,
            notes=notes,
            origins=seen.origins,
            labels=None if label_column is None else np.frombuffer(seen.labels, dtype=np.bool_),
        )


class _Seen:
    """What was found of the rows so far; arrays have one entry a row, or one a row in the store.

    Those that take more than a byte lie in files.
    """

    def __init__(self, label_column: str | None, folder: Path) -> None:
        self.skip_codes, self.truncated, self.labels = array("b"), array("b"), array("b")
        self.target_tokens = FileArrayWriter(folder / "row_targets", np.int32)
        self.stored_targets = FileArrayWriter(folder / "stored_targets", np.int32)
        self.stored_rows = FileArrayWriter(folder / "input_rows", np.int64)
        self.control_tokens = self.thoughts_dropped = 0
        self.tally = EncodingTally()
        self._label_column = label_column
        self._paths: dict[str, int] = {}
        self._path_of = FileArrayWriter(folder / "row_paths", np.int32)
        self._lines = FileArrayWriter(folder / "row_lines", np.int32)
        self._digests = FileArrayWriter(folder / "row_digests", np.uint8)

    def stand(self, record: Record) -> None:
        """Where a row stands, and its label."""
        if self._label_column is not None:
            self.labels.append(known_label(record, self._label_column))
        self._path_of.append(self._paths.setdefault(record.path, len(self._paths)))
        self._lines.append(-1 if record.line is None else record.line)
        self._digests.extend(np.frombuffer(record.digest, np.uint8))

    @property
    def is_any_stored(self) -> bool:
        """Whether there is a row in the store."""
        return len(self.stored_rows) > 0

    def close(self) -> None:
        """Write no more."""
        for numbers in (
            *(self.target_tokens, self.stored_targets, self.stored_rows),
            *(self._path_of, self._lines, self._digests),
        ):
            numbers.close()

    @property
    def origins(self) -> RowOrigins:
        """Where all rows stand."""
        return RowOrigins(
            tuple(self._paths),
            self._path_of.finish(),
            self._lines.finish(),
            self._digests.finish().reshape(-1, DIGEST_BYTES),
        )

    def add(self, block: EncodedRows, writer: EncodedWriter) -> None:
        """Rows in their order."""
        self.tally += block.tally
        for row in block.rows:
            if isinstance(row, SkippedRow):
                self.skip_codes.append(skip_code(row.reason))
                self.target_tokens.append(0)
                self.truncated.append(row.truncated)
                continue
            targets = count_targets(row)
            for window in row:
                writer.append(window.row, window.beyond, window.example, window.start)
                self.stored_rows.append(len(self.skip_codes))
            self.stored_targets.extend(np.array(targets, np.int32))
            self.skip_codes.append(NOT_SKIPPED)
            self.target_tokens.append(sum(targets))
            self.truncated.append(any(window.row.truncated for window in row))
            self.control_tokens += any(window.row.control_tokens for window in row)
            self.thoughts_dropped += any(window.row.thoughts_dropped for window in row)


def _notes(seen: _Seen, max_length: int, rows: int, cut_off: int) -> Iterator[str]:
    """What the user should know of how the rows were encoded."""
    tally = seen.tally
    if tally.template_problem is not None:
        yield (
            "The chat template can't render some rows; of the first it says: "
            f"{tally.template_problem}. Another chat template may."
        )
    if tally.tokenizer_problem is not None:
        yield (
            "The tokenizer fails on some rows; of the first it says: "
            f"{tally.tokenizer_problem[:_REASON_CHARACTERS]}."
        )
    if tally.writes_date:
        yield (
            "The chat template writes today's date; all rows got "
            f"{TEMPLATE_DATE:%d %B %Y} instead, so that another scan gives the same."
        )
    if seen.thoughts_dropped:
        yield (
            "The chat template leaves out thoughts of earlier turns in "
            f"{seen.thoughts_dropped:,} rows: a trainer with this template doesn't train on them, "
            "and they weren't scored."
        )
    costs = tally.cut_tokens / max(1, tally.cut_characters)
    if cut_off >= _MANY_CUT * rows and costs > _COSTLY:
        yield (
            f"{cut_off:,} of {rows:,} rows are cut off at {max_length:,} tokens, and the "
            f"tokenizer spends {costs:.1f} tokens on each of their characters, as on a script that "
            "it hardly knows. A model that knows the language reads more of a row; so does a "
            "larger maximum length."
        )


_OTHER_TEMPLATE = (
    "Name the chat template that training will use with `chat_template`, or the model that "
    "will be tuned with `model`."
)
_REMEDIES = {
    SkipReason.CHAT_TEMPLATE: _OTHER_TEMPLATE,
    SkipReason.UNRENDERED: _OTHER_TEMPLATE,
    SkipReason.TARGET_TRUNCATED: "Give your trainer's own limit with `max_length`.",
    SkipReason.TOKENIZER: "Name another model with `model`.",
    SkipReason.UNDESIRED: "Scan the desired answers, or name columns with `prompt_column` and "
    "`response_column`.",
}
"""What to do where most rows are skipped for one of these reasons; else the columns may be meant
otherwise."""


def _nothing_scored(source: Source, layout: Layout, codes: NDArray[np.int8]) -> InputError:
    counts = Counter(str(SKIP_REASONS[code]) for code in codes)
    reasons = ", ".join(f"{reason} ({count:,})" for reason, count in counts.items())
    commonest = SKIP_REASONS[int(np.bincount(codes).argmax())]
    remedy = _REMEDIES.get(commonest, f"Check that the columns are meant as read: {layout.name}.")
    return InputError(
        f"{source.label}: none of its {len(codes)} rows can be scored: {reasons}.", remedy
    )


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
            f"{record.location}: the label column {column!r} holds {str(value)[:40]!r}.",
            "Labels must be 0 or 1, or false or true.",
        )
    return _LABELS[text]
