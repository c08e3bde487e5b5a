"""What a detector works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import Encoder
from gradsentry.encoding.encoded import target_runs
from gradsentry.encoding.scored_text import decoded, scored_part
from gradsentry.models import BatchPlan, HeadStates, LanguageModel
from gradsentry.records import Example, Layout, Record, Source, prompt_and_response
from gradsentry.work.encoded_data import EncodedData
from gradsentry.work.progress import Progress
from gradsentry.work.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Window:
    """A row as it is scored, or the part of a document that is scored at once."""

    place: int
    """In the plan."""
    is_first: bool
    """Whether it is what the plan's row stands for; else its copy."""
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
    """Says what scores depend on: those of an interrupted scan are taken up if it is the same."""
    progress: Progress

    @property
    def target_tokens(self) -> NDArray[np.int64]:
        """Targets of each of the plan's rows."""
        targets: NDArray[np.int64] = self.encoded.stored_targets[self.plan.rows]
        return targets

    def windows(self) -> Iterator[tuple[Record, list[Window]]]:
        """The rows that are scored, in the order of the data, each with its windows."""
        encoded, stored = self.encoded, 0
        rows = encoded.stored_rows.tolist()
        for record in self.source.records():
            first = stored
            while stored < len(rows) and rows[stored] == record.row:
                stored += 1
            if first == stored:
                continue
            windows = self.encoder.windows(self.layout.example(record))
            numbers = encoded.stored_windows[first:stored].tolist()
            places = self.plan.copy_of[first:stored].tolist()
            firsts = self.plan.rows[self.plan.copy_of[first:stored]] == np.arange(first, stored)
            yield (
                record,
                [
                    Window(place, bool(is_first), *windows[number])
                    for number, place, is_first in zip(numbers, places, firsts, strict=True)
                ],
            )

    def examples(self) -> Iterator[tuple[int, Example]]:
        """The plan's rows in the order of the data, each once, with their places in the plan."""
        for _, windows in self.windows():
            for window in windows:
                if window.is_first:
                    yield window.place, window.example

    def texts(self, place: int, example: Example) -> tuple[str, str]:
        """Prompt and response of one of the plan's rows, as far as they were encoded.

        **Arguments:**

        - `example`: the one at this place in the plan, or a copy of it.
        """
        stored = int(self.plan.rows[place])
        if self.encoded.truncated[self.encoded.stored_rows[stored]]:
            ids, _ = self.encoded.store.row(stored)
            example = scored_part(example, decoded(self.model.tokenizer, ids.tolist()))
        return prompt_and_response(example)

    def scored(self, place: int, example: Example) -> tuple[Example, list[int]]:
        """One of the plan's rows as far as it was encoded, and its stretches of targets.

        Arguments as above.
        """
        stored = int(self.plan.rows[place])
        ids, mask = self.encoded.store.row(stored)
        if self.encoded.truncated[self.encoded.stored_rows[stored]]:
            example = scored_part(example, decoded(self.model.tokenizer, ids.tolist()))
        return example, target_runs(mask)

    def of_input_rows(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of the plan's rows as scores of the input rows; NaN for those that are skipped.

        A document's score is the highest of its windows'; it has none where one has none.
        """
        found = np.full(len(self.encoded.skip_codes), np.nan)
        rows, firsts = np.unique(self.encoded.stored_rows, return_index=True)
        found[rows] = np.maximum.reduceat(scores[self.plan.copy_of], firsts)
        return found
