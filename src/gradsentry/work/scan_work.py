"""What a detector works on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import Encoder
from gradsentry.encoding.encoded import target_runs
from gradsentry.models import BatchPlan, LanguageModel
from gradsentry.records import Example, prompt_and_response
from gradsentry.records.example_json import load_example
from gradsentry.work.encoded_data import EncodedData
from gradsentry.work.engine import Engine
from gradsentry.work.progress import Progress
from gradsentry.work.row_maps import PlannedRow, RowMaps
from gradsentry.work.shards import ShardFolder
from gradsentry.work.workspace import Workspace


@dataclass(frozen=True)
class ScanWork:
    """The data of a scan, encoded, and everything that a detector needs besides."""

    label: str
    """What the data are called, for messages."""
    encoded: EncodedData
    plan: BatchPlan
    engine: Engine
    space: Workspace
    fingerprint: str
    """A digest of everything that scores depend on; those of an interrupted scan are taken up only
    if it is equal."""
    progress: Progress

    @property
    def model(self) -> LanguageModel:
        """As it was loaded in this process."""
        return self.engine.worker.model

    @property
    def encoder(self) -> Encoder:
        """As the rows were encoded."""
        return self.engine.worker.encoder

    @cached_property
    def rows(self) -> RowMaps:
        """Which rows are computed, and of which input rows."""
        return RowMaps(self.encoded.stored_rows, self.plan.copy_of, self.plan.rows)

    @property
    def target_tokens(self) -> NDArray[np.int64]:
        """Shape (planned,): targets of each planned row."""
        targets: NDArray[np.int64] = self.encoded.stored_targets[self.rows.stored_of_planned]
        return targets

    def example(self, row: PlannedRow | int) -> Example:
        """What a planned row means, as far as it was encoded."""
        stored = self.rows.stored_row(PlannedRow(row))
        (text,) = self.encoded.store.examples(np.array([stored]))
        return load_example(text)

    def texts(self, row: PlannedRow | int) -> tuple[str, str]:
        """Prompt and response of a planned row, as far as they were encoded."""
        return prompt_and_response(self.example(row))

    def target_runs(self, row: PlannedRow | int) -> list[int]:
        """The lengths of a planned row's stretches of targets."""
        _, mask = self.encoded.store.row(self.rows.stored_row(PlannedRow(row)))
        return target_runs(mask)

    def of_input_rows(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (planned,) as scores of the input rows (rows,); NaN for those that are skipped."""
        return self.rows.scores_of_inputs(scores, len(self.encoded.skip_codes))

    def open_shards(self, *parts: str) -> ShardFolder:
        """Results computed so far, by this scan and by an interrupted one.

        **Arguments:**

        - `parts`: what they depend on besides data, model and options; those with other parts
            aren't taken up.
        """
        key = "\0".join([self.fingerprint, *parts])
        return self.space.shards(key, self.rows.planned, self.progress)
