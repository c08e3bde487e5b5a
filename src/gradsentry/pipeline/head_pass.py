"""The forward pass of the transfer detector: what the head sees of every target token, on disk.

Gains need corrections, and corrections need hidden states. So the rows to fit on come first, and
their hidden states are kept; every other row is computed once, when the corrections are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray

from gradsentry.detectors.transfer import Correction, FitStates, fold_gains
from gradsentry.models import TargetStates
from gradsentry.pipeline.work import ScanWork
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
class StatesOnDisk:
    """M hidden states of size d in a file.

    Read and written as a file, not mapped: the few that are asked for would bring most of the file
    into the process's memory.
    """

    path: Path
    shape: tuple[int, int]
    """M, and the bytes of a state."""
    dtype: torch.dtype

    def __getitem__(self, positions: torch.Tensor | slice, /) -> torch.Tensor:
        """Those at some positions: shape (positions, d)."""
        wanted = torch.arange(self.shape[0])[positions].numpy()
        raw = torch.empty(len(wanted), self.shape[1], dtype=torch.uint8)
        into = raw.numpy()
        with self.path.open("rb") as file:
            for start, end in _runs(wanted):
                file.seek(int(wanted[start]) * self.shape[1])
                file.readinto(into[start:end].data)
        return raw.view(self.dtype)

    def put(self, positions: NDArray[np.int64], hidden: torch.Tensor) -> None:
        """Write states of shape (positions, d)."""
        raw = hidden.cpu().contiguous().view(torch.uint8).numpy()
        with self.path.open("r+b") as file:
            for start, end in _runs(positions):
                file.seek(int(positions[start]) * self.shape[1])
                file.write(raw[start:end].data)


def _runs(positions: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Stretches of positions that follow each other."""
    breaks = np.flatnonzero(np.diff(positions) != 1) + 1
    yield from pairwise([0, *breaks.tolist(), len(positions)] if len(positions) else [])


@dataclass(frozen=True)
class FitTable:
    """What is kept of the rows to fit on."""

    rows: NDArray[np.int64]
    """Shape (fit rows,): positions in the plan, ascending."""
    offsets: NDArray[np.int64]
    """Shape (fit rows + 1,)."""
    hidden: StatesOnDisk
    """Of their M targets."""
    log_mass: NDArray[np.float32]
    """Shape (M,)."""


@dataclass(frozen=True)
class HeadPass:
    """Runs batches of a plan's rows and files their numbers."""

    work: ScanWork
    table: TargetTable
    fit: FitTable

    def keep_fit_rows(self) -> None:
        """Compute the rows to fit on, as far as an earlier run hasn't."""
        for places in self._batches(self.fit.rows):
            rows = self.fit.rows[places]
            if np.isnan(self.table.surprise[self._targets(rows)]).any():
                states = self._states(rows)
                log_mass, surprise = self.work.model.head.surprise(states.hidden, states.targets)
                where = spread(self.fit.offsets, places)
                self.fit.hidden.put(where, states.hidden)
                self.fit.log_mass[where] = log_mass.float().cpu().numpy()
                self._file(rows, states, surprise)
            self.work.progress.advance(len(rows))

    def fit_states(self, folds: NDArray[np.int64]) -> FitStates:
        """What corrections are fitted on; rows whose numbers aren't finite are in no fold."""
        where = self._targets(self.fit.rows)
        of_token = np.repeat(folds, np.diff(self.fit.offsets))
        of_token[~np.isfinite(self.table.surprise[where])] = -1
        return FitStates(
            hidden=self.fit.hidden,
            targets=torch.from_numpy(self.table.targets[where].astype(np.int64)),
            log_mass=torch.from_numpy(self.fit.log_mass),
            folds=torch.from_numpy(of_token),
        )

    def gain_fit_rows(self, states: FitStates, fold: int, correction: Correction) -> None:
        """Gains of a fold's rows that the other folds' correction is fitted on."""
        own = self._targets(self.fit.rows)[(states.folds == fold).numpy()]
        self.table.gains[own] = fold_gains(states, fold, correction)

    def gain_other_rows(self, rows: NDArray[np.int64], fold: int, correction: Correction) -> None:
        """Gains of a fold's rows that nothing is fitted on, as far as an earlier run lacks them."""
        for places in self._batches(rows):
            batch = rows[places]
            if np.isnan(self.table.gains[self._targets(batch)]).any():
                states = self._states(batch)
                log_mass, surprise = self.work.model.head.surprise(states.hidden, states.targets)
                folds = torch.full(states.targets.shape, fold)
                unseen = FitStates(states.hidden, states.targets, log_mass, folds)
                self._file(batch, states, surprise)
                self.table.gains[self._targets(batch)] = fold_gains(unseen, fold, correction)
            self.work.progress.advance(len(batch))

    def _file(self, rows: NDArray[np.int64], states: TargetStates, surprise: torch.Tensor) -> None:
        where = self._targets(rows)
        self.table.targets[where] = states.targets.cpu().numpy()
        self.table.surprise[where] = surprise.float().cpu().numpy()

    def _targets(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return spread(self.table.offsets, rows)

    def _states(self, rows: NDArray[np.int64]) -> TargetStates:
        return self.work.states.of(self.work.plan.rows[rows])

    def _batches(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Places in `rows`, which are in the plan's order."""
        plan = self.work.plan
        return plan.batching.batches(self.work.encoded.store, plan.rows[rows])


def open_tables(
    work: ScanWork, counts: NDArray[np.int64], fit_rows: NDArray[np.int64]
) -> tuple[TargetTable, FitTable]:
    """The files of a head pass, blank or as an interrupted run left them.

    **Arguments:**

    - `counts`: shape (rows,): targets of the plan's rows.
    - `fit_rows`: positions in the plan of the rows to fit on, ascending.
    """

    def log(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        return space.log(work.fingerprint, name, shape, dtype)

    model, space = work.model, work.space
    offsets, kept = offsets_of(counts), offsets_of(counts[fit_rows])
    size, kept_size = (int(offsets[-1]),), (int(kept[-1]),)
    states = *kept_size, model.head.hidden_size * model.dtype.itemsize
    table = TargetTable(
        offsets,
        log("targets", size, np.int32),
        log("surprise", size, np.float32),
        log("gains", size, np.float32),
    )
    fit = FitTable(
        fit_rows,
        kept,
        StatesOnDisk(
            space.log_file(work.fingerprint, "hidden", states, np.uint8), states, model.dtype
        ),
        log("mass", kept_size, np.float32),
    )
    return table, fit
