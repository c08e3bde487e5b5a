"""What a detector works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import Encoder
from gradsentry.encoding.encoded import target_runs
from gradsentry.encoding.scored_text import decoded, scored_part
from gradsentry.models import BatchPlan, HeadStates, LanguageModel
from gradsentry.records import Example, Layout, Record, Source, prompt_and_response
from gradsentry.work.encoded_data import EncodedData
from gradsentry.work.progress import Progress
from gradsentry.work.row_maps import PlannedRow, RowMaps, StoredRow
from gradsentry.work.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Window:
    """A row as it is scored, or the part of a document that is scored at once."""

    planned: PlannedRow
    is_first: bool
    """Whether this is the row that is computed; false for a copy with the same tokens."""
    start: int
    """Its first character in the row's text."""
    example: Example


@dataclass(frozen=True)
class ScanWork:
    """The data of a scan, encoded, and everything that a detector needs besides."""

    source: Source
    layout: Layout
    encoder: Encoder
    encoded: EncodedData
    model: LanguageModel
    plan: BatchPlan
    states: HeadStates
    space: Workspace
    fingerprint: str
    """A digest of everything that scores depend on; those of an interrupted scan are taken up only
    if it is equal."""
    progress: Progress

    @cached_property
    def rows(self) -> RowMaps:
        """Which rows are computed, and of which input rows."""
        return RowMaps(self.encoded.stored_rows, self.plan.copy_of, self.plan.rows)

    @property
    def target_tokens(self) -> NDArray[np.int64]:
        """Shape (planned,): targets of each planned row."""
        targets: NDArray[np.int64] = self.encoded.stored_targets[self.rows.stored_of_planned]
        return targets

    def windows(self) -> Iterator[tuple[Record, list[Window]]]:
        """The rows that are scored, in the order of the data, each with its windows."""
        rows, stored = self.rows, 0
        inputs = rows.input_of_stored.tolist()
        for record in self.source.records():
            first = stored
            while stored < len(inputs) and inputs[stored] == record.row:
                stored += 1
            if first == stored:
                continue
            windows = self.encoder.windows(self.layout.example(record))
            numbers = self.encoded.stored_windows[first:stored].tolist()
            planned = rows.planned_of_stored[first:stored]
            firsts = rows.stored_of_planned[planned] == np.arange(first, stored)
            yield (
                record,
                [
                    Window(PlannedRow(row), bool(is_first), *windows[number])
                    for number, row, is_first in zip(numbers, planned.tolist(), firsts, strict=True)
                ],
            )

    def examples(self) -> Iterator[tuple[PlannedRow, Example]]:
        """The planned rows in the order of the data, each once."""
        for _, windows in self.windows():
            for window in windows:
                if window.is_first:
                    yield window.planned, window.example

    def texts(self, row: PlannedRow, example: Example) -> tuple[str, str]:
        """Prompt and response of a planned row, as far as they were encoded.

        **Arguments:**

        - `example`: that of this row, or of a copy of it.
        """
        return prompt_and_response(self._as_encoded(self.rows.stored_row(row), example))

    def scored(self, row: PlannedRow, example: Example) -> tuple[Example, list[int]]:
        """A planned row as far as it was encoded, and the lengths of its stretches of targets.

        Arguments as above.
        """
        stored = self.rows.stored_row(row)
        _, mask = self.encoded.store.row(stored)
        return self._as_encoded(stored, example), target_runs(mask)

    def of_input_rows(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (planned,) as scores of the input rows (rows,); NaN for those that are skipped."""
        return self.rows.scores_of_inputs(scores, len(self.encoded.skip_codes))

    def _as_encoded(self, stored: StoredRow, example: Example) -> Example:
        """An example without what lies behind its last token."""
        if not self.encoded.truncated[self.rows.input_row(stored)]:
            return example
        ids, _ = self.encoded.store.row(stored)
        return scored_part(example, decoded(self.model.tokenizer, ids.tolist()))
