"""The forward pass of the transfer detector: what the head sees of every target token, on disk.

Gains need corrections, and corrections need hidden states. So the rows to fit on come first, and
their hidden states are kept; every other row is computed once, when the corrections are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.detectors.transfer import Correction, FitStates, held_out_gains
from gradsentry.encoding import EncodedStore
from gradsentry.models import (
    BatchPlan,
    HeadStates,
    LanguageModel,
    TargetStates,
    batch_starts,
)
from gradsentry.pipeline.progress import Progress
from gradsentry.pipeline.workspace import Workspace
from gradsentry.ragged import offsets_of, spread


@dataclass(frozen=True)
class TargetTable:
    """Numbers of the target tokens of a plan's rows, one row after the other, on disk."""

    offsets: NDArray[np.int64]
    """Shape (rows + 1,): where a row's targets start, and the end."""
    targets: NDArray[np.int32]
    """Shape (N,): token ids."""
    surprise: NDArray[np.float32]
    """Shape (N,): nats under the base model; NaN where not computed or not finite."""
    gains: NDArray[np.float32]
    """Shape (N,): nats that the rest of the data takes off; NaN likewise."""


@dataclass(frozen=True)
class FitTable:
    """What is kept of the rows to fit on."""

    rows: NDArray[np.int64]
    """Shape (fit rows,): positions in the plan, ascending."""
    offsets: NDArray[np.int64]
    """Shape (fit rows + 1,)."""
    hidden: NDArray[np.uint8]
    """Shape (M, bytes of a hidden state)."""
    log_mass: NDArray[np.float32]
    """Shape (M,)."""


@dataclass(frozen=True)
class HeadPass:
    """Runs batches of a plan's rows and files their numbers."""

    model: LanguageModel
    states: HeadStates
    store: EncodedStore
    plan: BatchPlan
    table: TargetTable
    fit: FitTable
    progress: Progress

    def keep_fit_rows(self) -> None:
        """Compute the rows to fit on, as far as an earlier run hasn't."""
        for places in self._batches(self.fit.rows):
            rows = self.fit.rows[places]
            if np.isnan(self.table.surprise[self._targets(rows)]).any():
                states = self._states(rows)
                log_mass, surprise = self.model.head.surprise(states.hidden, states.targets)
                where = spread(self.fit.offsets, places)
                size = states.hidden.element_size() * states.hidden.shape[1]
                raw = states.hidden.contiguous().view(torch.uint8).cpu().numpy()
                self.fit.hidden[where] = raw.reshape(-1, size)
                self.fit.log_mass[where] = log_mass.float().cpu().numpy()
                self._file(rows, states, surprise)
            self.progress.advance(len(rows))

    def fit_states(self, folds: NDArray[np.int64]) -> FitStates:
        """What corrections are fitted on; rows whose numbers aren't finite are in no fold."""
        where = self._targets(self.fit.rows)
        of_token = np.repeat(folds, np.diff(self.fit.offsets))
        of_token[~np.isfinite(self.table.surprise[where])] = -1
        return FitStates(
            hidden=torch.from_numpy(self.fit.hidden).view(self.model.dtype),
            targets=torch.from_numpy(self.table.targets[where].astype(np.int64)),
            log_mass=torch.from_numpy(self.fit.log_mass),
            folds=torch.from_numpy(of_token),
        )

    def gain_fit_rows(self, states: FitStates, corrections: list[Correction]) -> None:
        """Gains of the rows fitted on, each by the correction that hasn't seen it."""
        self.table.gains[self._targets(self.fit.rows)] = held_out_gains(states, corrections)

    def gain_other_rows(
        self, rows: NDArray[np.int64], folds: NDArray[np.int64], corrections: list[Correction]
    ) -> None:
        """Gains of rows that nothing was fitted on, as far as an earlier run hasn't got them."""
        for places in self._batches(rows):
            batch = rows[places]
            if np.isnan(self.table.gains[self._targets(batch)]).any():
                states = self._states(batch)
                log_mass, surprise = self.model.head.surprise(states.hidden, states.targets)
                fold = torch.from_numpy(np.repeat(folds[places], states.counts.numpy()))
                unseen = FitStates(states.hidden, states.targets, log_mass, fold)
                self._file(batch, states, surprise)
                self.table.gains[self._targets(batch)] = held_out_gains(unseen, corrections)
            self.progress.advance(len(batch))

    def _file(self, rows: NDArray[np.int64], states: TargetStates, surprise: torch.Tensor) -> None:
        where = self._targets(rows)
        self.table.targets[where] = states.targets.cpu().numpy()
        self.table.surprise[where] = surprise.float().cpu().numpy()

    def _targets(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return spread(self.table.offsets, rows)

    def _states(self, rows: NDArray[np.int64]) -> TargetStates:
        return self.states.of(self.plan.rows[rows])

    def _batches(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Places in `rows`, which are in the plan's order: longest first."""
        lengths = self.store.lengths[self.plan.rows[rows]]
        for start, end in pairwise(batch_starts(lengths, self.plan.max_tokens)):
            yield np.arange(start, end)


def open_tables(
    space: Workspace,
    fingerprint: str,
    counts: NDArray[np.int64],
    fit_rows: NDArray[np.int64],
    state_bytes: int,
) -> tuple[TargetTable, FitTable]:
    """The files of a head pass, blank or as an interrupted run left them.

    **Arguments:**

    - `counts`: shape (rows,): targets of the plan's rows.
    - `state_bytes`: bytes of one hidden state.
    """
    offsets = offsets_of(counts)
    size = (int(offsets[-1]),)
    table = TargetTable(
        offsets,
        space.log(fingerprint, "targets", size, np.int32),
        space.log(fingerprint, "surprise", size, np.float32),
        space.log(fingerprint, "gains", size, np.float32),
    )
    kept = offsets_of(counts[fit_rows])
    fit = FitTable(
        fit_rows,
        kept,
        space.log(fingerprint, "hidden", (int(kept[-1]), state_bytes), np.uint8),
        space.log(fingerprint, "mass", (int(kept[-1]),), np.float32),
    )
    return table, fit
