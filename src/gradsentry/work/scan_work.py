"""What a detector works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import Encoder
from gradsentry.encoding.encoded import target_runs
from gradsentry.models import BatchPlan, LanguageModel
from gradsentry.records import Example
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
        return self.encoded.stored_targets[self.rows.stored_of_planned].astype(np.int64)

    def examples(self, planned: NDArray[np.int64] | None = None) -> Iterator[Example]:
        """What planned rows mean, as far as they were encoded; all of them, if none are given."""
        stored = self.rows.stored_of_planned
        rows = stored if planned is None else stored[planned]
        return map(load_example, self.encoded.store.examples(rows))

    def target_runs(self, row: PlannedRow | int) -> list[int]:
        """The lengths of a planned row's stretches of targets."""
        _, mask = self.encoded.store.row(self.rows.stored_row(PlannedRow(row)))
        return target_runs(mask)

    def of_input_rows(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (planned,) as scores of the input rows (rows,); NaN for those that are skipped."""
        return self.rows.scores_of_inputs(scores, len(self.encoded.skip_codes))

    @cached_property
    def shards(self) -> ShardFolder:
        """Results computed so far, by this scan and by an interrupted one."""
        return self.space.open_shards(self.fingerprint, self.rows.planned, self.progress)
