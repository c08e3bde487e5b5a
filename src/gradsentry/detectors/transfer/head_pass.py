"""The forward pass of the transfer detector: what the head sees of every target token, on disk.

Gains need corrections, and corrections need hidden states. So the rows to fit on come first, and
their hidden states are kept; every other row is computed once, when the corrections are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.detectors.transfer.correction import Correction, FitStates, fold_gains
from gradsentry.encoding import EncodedBatch
from gradsentry.file_array import in_file
from gradsentry.models import TargetStates
from gradsentry.ragged import offsets_of, spread
from gradsentry.work.batch_results import compute_batches
from gradsentry.work.engine import Worker
from gradsentry.work.scan_work import ScanWork
from gradsentry.work.shards import Shard

_HIDDEN, _TARGETS, _SURPRISE, _LOG_MASS = range(4)
"""The parts of a shard about rows to fit on."""
_GAINS = 0
"""Of other rows: instead of hidden states, and without log-mass."""


@dataclass(frozen=True, eq=False)
class TargetTable:
    """Numbers of the target tokens of planned rows, one row after the other, on disk."""

    offsets: NDArray[np.int64]
    """Shape (rows + 1,): where a row's targets start, and the end."""
    targets: NDArray[np.int32]
    """Shape (N,): token ids."""
    surprise: NDArray[np.float32]
    """Shape (N,): nats under the base model; NaN where not computed or not finite."""
    gains: NDArray[np.float32]
    """Shape (N,): nats that the rest of the data takes off; NaN likewise."""


@dataclass(frozen=True, eq=False)
class StatesOnDisk:
    """M hidden states of size d in shards.

    Read as files, not mapped: the few that are asked for would bring most of the files into the
    process's memory.
    """

    shards: tuple[Shard, ...]
    starts: NDArray[np.int64]
    """Shape (shards + 1,): the position of a shard's first state, and M."""
    width: int
    """Bytes of a state."""
    dtype: torch.dtype

    @staticmethod
    def of_shards(shards: Sequence[Shard], width: int, dtype: torch.dtype) -> StatesOnDisk:
        """The states that are the first part of some shards."""
        bounds = np.array([shard.parts[_HIDDEN] for shard in shards], np.int64)
        return StatesOnDisk(
            tuple(shards), offsets_of((bounds[:, 1] - bounds[:, 0]) // width), width, dtype
        )

    def __getitem__(self, positions: torch.Tensor | slice, /) -> torch.Tensor:
        """Those at some positions: shape (positions, d)."""
        wanted = torch.arange(int(self.starts[-1]))[positions].numpy()
        raw = torch.empty(len(wanted), self.width, dtype=torch.uint8)
        into = raw.numpy()
        number_of = np.searchsorted(self.starts, wanted, side="right") - 1
        with ExitStack() as stack:
            files: dict[int, BinaryIO] = {}
            for start, end in _runs(wanted, self.starts):
                number = int(number_of[start])
                if number not in files:
                    files[number] = stack.enter_context(self.shards[number].path.open("rb"))
                first = (int(wanted[start]) - int(self.starts[number])) * self.width
                self.shards[number].read_into(files[number], _HIDDEN, first, into[start:end])
        return raw.view(self.dtype)


def _runs(positions: NDArray[np.int64], starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Stretches of positions that follow each other in one shard.

    **Arguments:**

    - `starts`: as in `StatesOnDisk`.
    """
    new_shard = np.isin(positions[1:], starts)
    breaks = np.flatnonzero((np.diff(positions) != 1) | new_shard) + 1
    yield from pairwise([0, *breaks.tolist(), len(positions)] if len(positions) else [])


@dataclass(frozen=True, eq=False)
class FitTable:
    """What is kept of the rows to fit on."""

    rows: NDArray[np.int64]
    """Shape (fit rows,): planned rows, ascending."""
    offsets: NDArray[np.int64]
    """Shape (fit rows + 1,)."""
    hidden: StatesOnDisk
    """Of their M targets."""
    log_mass: NDArray[np.float32]
    """Shape (M,)."""


@dataclass(frozen=True)
class HeadPass:
    """Computes batches of planned rows and files their numbers."""

    work: ScanWork
    table: TargetTable
    folds_digest: str
    """Folds come from words, not from tokens, which the scan's fingerprint is of."""

    def fit_table(self, fit_rows: NDArray[np.int64]) -> FitTable:
        """What corrections are fitted on, computed as far as an earlier run hasn't.

        **Arguments:**

        - `fit_rows`: planned rows, ascending.
        """
        shards = []
        batches = self._batches(fit_rows)
        for rows, shard in compute_batches(
            self.work, f"fit {self.folds_digest}", _of_fit_rows, batches, are_large=True
        ):
            self._file(rows, shard)
            shards.append(shard)
        model = self.work.model
        return FitTable(
            fit_rows,
            offsets_of(self.table.offsets[fit_rows + 1] - self.table.offsets[fit_rows]),
            StatesOnDisk.of_shards(
                shards, model.head.hidden_size * model.dtype.itemsize, model.dtype
            ),
            np.concatenate([shard.part(_LOG_MASS, np.float32) for shard in shards]),
        )

    def fit_states(self, fit: FitTable, folds: NDArray[np.int8]) -> FitStates:
        """What corrections are fitted on; rows whose numbers aren't finite are in no fold."""
        where = self._targets(fit.rows)
        of_token = np.repeat(folds.astype(np.int64), np.diff(fit.offsets))
        of_token[~np.isfinite(self.table.surprise[where])] = -1
        return FitStates(
            hidden=fit.hidden,
            targets=torch.from_numpy(self.table.targets[where].astype(np.int64)),
            log_mass=torch.from_numpy(fit.log_mass),
            folds=torch.from_numpy(of_token),
        )

    def gain_fit_rows(
        self, fit: FitTable, states: FitStates, fold: int, correction: Correction
    ) -> None:
        """Gains of a fold's rows that the other folds' correction is fitted on."""
        own = self._targets(fit.rows)[(states.folds == fold).numpy()]
        self.table.gains[own] = fold_gains(states, fold, correction)

    def gain_other_rows(self, rows: NDArray[np.int64], fold: int, correction: Correction) -> None:
        """Gains of a fold's rows that nothing is fitted on, as far as an earlier run lacks them."""
        compute = _OfOtherRows(fold, correction)
        for some, shard in compute_batches(
            self.work, f"gains of fold {fold} {self.folds_digest}", compute, self._batches(rows)
        ):
            self._file(some, shard)
            self.table.gains[self._targets(some)] = shard.part(_GAINS, np.float32)

    def _file(self, rows: NDArray[np.int64], shard: Shard) -> None:
        where = self._targets(rows)
        self.table.targets[where] = shard.part(_TARGETS, np.int32)
        self.table.surprise[where] = shard.part(_SURPRISE, np.float32)

    def _targets(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return spread(self.table.offsets, rows)

    def _batches(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Ascending planned rows, cut into batches."""
        stored = self.work.rows.stored_of_planned[rows]
        batching = self.work.plan.batching
        starts = batching.starts(self.work.encoded.store, stored)
        return [rows[start:end] for start, end in pairwise(starts.tolist())]


def _of_fit_rows(batch: EncodedBatch, worker: Worker) -> list[NDArray[Any]]:
    """What is kept of a batch of rows to fit on."""
    states = worker.head_states(batch)
    log_mass, surprise = worker.model.head.surprise(states.hidden, states.targets)
    hidden = states.hidden.cpu().contiguous().view(torch.uint8).numpy()
    return [hidden, *_filed(states, surprise), log_mass.float().cpu().numpy()]


@dataclass(frozen=True, eq=False)
class _OfOtherRows:
    """What is kept of a batch of other rows of a fold."""

    fold: int
    correction: Correction

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to other processes, which may have other devices, by way of memory."""
        return _OfOtherRows, (self.fold, self.correction.to(torch.device("cpu")))

    def __call__(self, batch: EncodedBatch, worker: Worker) -> list[NDArray[Any]]:
        states = worker.head_states(batch)
        log_mass, surprise = worker.model.head.surprise(states.hidden, states.targets)
        folds = torch.full(states.targets.shape, self.fold)
        unseen = FitStates(states.hidden, states.targets, log_mass, folds)
        correction = self.correction.to(worker.model.device)
        return [fold_gains(unseen, self.fold, correction), *_filed(states, surprise)]


def _filed(states: TargetStates, surprise: torch.Tensor) -> list[NDArray[Any]]:
    """What is kept of all rows."""
    targets = states.targets.cpu().numpy().astype(np.int32)
    return [targets, surprise.float().cpu().numpy()]


def open_head_pass(work: ScanWork, folds: NDArray[np.int8]) -> HeadPass:
    """A head pass, with what an interrupted run has computed.

    **Arguments:**

    - `folds`: shape (planned,).
    """
    offsets = in_file(offsets_of(work.target_tokens), work.space.scratch / "target_offsets")
    size = (int(offsets[-1]),)
    table = TargetTable(
        offsets,
        work.space.table("targets", size, np.int32),
        work.space.table("surprise", size, np.float32),
        work.space.table("gains", size, np.float32),
    )
    return HeadPass(work, table, hashlib.sha256(folds.tobytes()).hexdigest())
