"""What a detector works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import Encoder
from gradsentry.evidence import decoded
from gradsentry.models import BatchPlan, HeadStates, LanguageModel
from gradsentry.pipeline.encoded_data import EncodedData
from gradsentry.pipeline.options import ScanOptions
from gradsentry.pipeline.progress import Progress
from gradsentry.pipeline.scored_text import scored_part
from gradsentry.pipeline.workspace import Workspace
from gradsentry.records import Example, Layout, Source, prompt_and_response


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
    options: ScanOptions
    space: Workspace
    fingerprint: str
    """Says what scores depend on: those of an interrupted scan are taken up if it is the same."""
    progress: Progress

    @property
    def target_tokens(self) -> NDArray[np.int64]:
        """Targets of each of the plan's rows."""
        counts = self.encoded.target_tokens[self.encoded.stored_rows].astype(np.int64)
        targets: NDArray[np.int64] = counts[self.plan.rows]
        return targets

    def examples(self) -> Iterator[tuple[int, Example]]:
        """The plan's rows in the order of the data, each once, with their places in the plan."""
        place_of = np.full(len(self.encoded.skip_codes), -1, np.int64)
        firsts = self.encoded.stored_rows[self.plan.rows]
        place_of[firsts] = np.arange(len(firsts))
        for record, place in zip(self.source.records(), place_of.tolist(), strict=True):
            if place >= 0:
                yield place, self.layout.example(record)

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

    def of_input_rows(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of the plan's rows as scores of the input rows; NaN for those that are skipped."""
        found = np.full(len(self.encoded.skip_codes), np.nan)
        found[self.encoded.stored_rows] = scores[self.plan.copy_of]
        return found
