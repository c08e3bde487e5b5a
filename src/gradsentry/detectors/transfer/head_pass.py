"""The forward pass of the transfer detector: what the head sees of every target token, on disk.

Gains need corrections, and corrections need hidden states. So the rows to fit on come first, and
their hidden states are kept; every other row is computed once, when the corrections are there.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.detectors.transfer.correction import Correction, FitStates, fold_gains
from gradsentry.models import TargetStates
from gradsentry.ragged import offsets_of, spread
from gradsentry.work.journal import Block, Journal
from gradsentry.work.scan_work import ScanWork


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class StatesOnDisk:
    """M hidden states of size d in the blocks of a journal.

    Read as a file, not mapped: the few that are asked for would bring most of the file into the
    process's memory.
    """

    path: Path
    starts: NDArray[np.int64]
    """Shape (blocks + 1,): the position of a block's first state, and M."""
    offsets: NDArray[np.int64]
    """Shape (blocks,): where that lies in the file."""
    width: int
    """Bytes of a state."""
    dtype: torch.dtype

    @staticmethod
    def of_blocks(blocks: Sequence[Block], width: int, dtype: torch.dtype) -> StatesOnDisk:
        """The states that are the first part of some blocks of one journal."""
        bounds = np.array([block.offsets[:2] for block in blocks], np.int64)
        starts = offsets_of((bounds[:, 1] - bounds[:, 0]) // width)
        return StatesOnDisk(blocks[0].path, starts, bounds[:, 0], width, dtype)

    def __getitem__(self, positions: torch.Tensor | slice, /) -> torch.Tensor:
        """Those at some positions: shape (positions, d)."""
        wanted = torch.arange(int(self.starts[-1]))[positions].numpy()
        block = np.searchsorted(self.starts, wanted, side="right") - 1
        places = self.offsets[block] + (wanted - self.starts[block]) * self.width
        raw = torch.empty(len(wanted), self.width, dtype=torch.uint8)
        into = raw.numpy()
        with self.path.open("rb") as file:
            for start, end in _runs(places, self.width):
                file.seek(int(places[start]))
                if file.readinto(into[start:end].data) < (end - start) * self.width:
                    raise OSError(errno.EIO, "the file became shorter", str(self.path))
        return raw.view(self.dtype)


def _runs(places: NDArray[np.int64], width: int) -> Iterator[tuple[int, int]]:
    """Stretches of places in a file that follow each other."""
    breaks = np.flatnonzero(np.diff(places) != width) + 1
    yield from pairwise([0, *breaks.tolist(), len(places)] if len(places) else [])


@dataclass(frozen=True)
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


_HIDDEN, _TARGETS, _SURPRISE, _LOG_MASS = range(4)
"""The parts of a block about rows to fit on."""
_GAINS = 0
"""Of other rows: instead of hidden states, and without log-mass."""


@dataclass(frozen=True)
class HeadPass:
    """Computes batches of planned rows and files their numbers."""

    work: ScanWork
    table: TargetTable
    journal: Journal

    def fit_table(self, fit_rows: NDArray[np.int64]) -> FitTable:
        """What corrections are fitted on, computed as far as an earlier run hasn't.

        **Arguments:**

        - `fit_rows`: planned rows, ascending.
        """
        blocks = []
        for places in self._batches(fit_rows):
            rows = fit_rows[places]
            block = self.journal.step(len(rows), partial(self._of_fit_rows, rows))
            self._file(rows, block)
            blocks.append(block)
            self.work.progress.advance(len(rows))
        model = self.work.model
        return FitTable(
            fit_rows,
            offsets_of(np.diff(self.table.offsets)[fit_rows]),
            StatesOnDisk.of_blocks(
                blocks, model.head.hidden_size * model.dtype.itemsize, model.dtype
            ),
            np.concatenate([block.part(_LOG_MASS, np.float32) for block in blocks]),
        )

    def fit_states(self, fit: FitTable, folds: NDArray[np.int64]) -> FitStates:
        """What corrections are fitted on; rows whose numbers aren't finite are in no fold."""
        where = self._targets(fit.rows)
        of_token = np.repeat(folds, np.diff(fit.offsets))
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
        for places in self._batches(rows):
            batch = rows[places]
            compute = partial(self._of_other_rows, batch, fold, correction)
            block = self.journal.step(len(batch), compute)
            self._file(batch, block)
            self.table.gains[self._targets(batch)] = block.part(_GAINS, np.float32)
            self.work.progress.advance(len(batch))

    def _of_fit_rows(self, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        states = self._states(rows)
        log_mass, surprise = self.work.model.head.surprise(states.hidden, states.targets)
        hidden = states.hidden.cpu().contiguous().view(torch.uint8).numpy()
        return [hidden, *_filed(states, surprise), log_mass.float().cpu().numpy()]

    def _of_other_rows(
        self, rows: NDArray[np.int64], fold: int, correction: Correction
    ) -> list[NDArray[Any]]:
        states = self._states(rows)
        log_mass, surprise = self.work.model.head.surprise(states.hidden, states.targets)
        folds = torch.full(states.targets.shape, fold)
        unseen = FitStates(states.hidden, states.targets, log_mass, folds)
        return [fold_gains(unseen, fold, correction), *_filed(states, surprise)]

    def _file(self, rows: NDArray[np.int64], block: Block) -> None:
        where = self._targets(rows)
        self.table.targets[where] = block.part(_TARGETS, np.int32)
        self.table.surprise[where] = block.part(_SURPRISE, np.float32)

    def _targets(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return spread(self.table.offsets, rows)

    def _states(self, rows: NDArray[np.int64]) -> TargetStates:
        return self.work.states.of(self.work.rows.stored_of_planned[rows])

    def _batches(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Positions in `rows`, which are ascending planned rows, one batch after the other."""
        plan = self.work.plan
        return plan.batching.batches(
            self.work.encoded.store, self.work.rows.stored_of_planned[rows]
        )


def _filed(states: TargetStates, surprise: torch.Tensor) -> list[NDArray[Any]]:
    """What is kept of all rows."""
    targets = states.targets.cpu().numpy().astype(np.int32)
    return [targets, surprise.float().cpu().numpy()]


def open_head_pass(work: ScanWork, counts: NDArray[np.int64], folds: NDArray[np.int64]) -> HeadPass:
    """A head pass, with what an interrupted run has computed.

    **Arguments:**

    - `counts`, `folds`: shape (planned,): targets and folds.
    """
    offsets = offsets_of(counts)
    size = (int(offsets[-1]),)
    table = TargetTable(
        offsets,
        work.space.table("targets", size, np.int32),
        work.space.table("surprise", size, np.float32),
        work.space.table("gains", size, np.float32),
    )
    # Folds come from words, not from tokens, which the fingerprint is of.
    of_folds = hashlib.sha256(folds.tobytes()).hexdigest()
    journal = work.space.journal(f"{work.fingerprint} {of_folds}", len(counts), work.progress)
    return HeadPass(work, table, journal)
