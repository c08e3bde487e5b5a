"""Numbers computed of a scan's rows, batch by batch, kept so that an interrupted scan goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.encoding import EncodedBatch
from gradsentry.models import enough_for_batch
from gradsentry.work.engine import Advance, Stage, Worker
from gradsentry.work.scan_work import ScanWork
from gradsentry.work.shards import Shard, digest_name

_MOST_SHARDS = 1000
"""Of a stage: an interrupt costs a thousandth of it, and file systems and engines bear as many."""

Arrays = Sequence[NDArray[Any]]
Task = TypeVar("Task")


class BatchStage(Protocol):
    """What is computed of a batch of encoded rows; as a stage, a pure function."""

    def __call__(self, batch: EncodedBatch, worker: Worker) -> Arrays:
        """Arrays whose first dimension goes with the rows, or with their tokens."""
        ...


class TensorStage(Protocol):
    """What is computed of a batch of encoded rows, as one tensor."""

    def __call__(self, batch: EncodedBatch, worker: Worker) -> Tensor:
        """As in `BatchStage`."""
        ...


@dataclass(frozen=True)
class _OfBatches:
    """The stage that computes a shard."""

    compute: BatchStage

    def __call__(
        self, task: Sequence[EncodedBatch], worker: Worker, advance: Advance
    ) -> list[NDArray[Any]]:
        found = []
        for batch in task:
            with enough_for_batch(worker.model, len(batch)):
                found.append(self.compute(batch, worker))
            advance(len(batch))
        return [np.ascontiguousarray(np.concatenate(parts)) for parts in zip(*found, strict=True)]


@dataclass(frozen=True)
class _InDtype:
    """A tensor as numbers of one kind."""

    compute: TensorStage
    dtype: np.dtype[Any]

    def __call__(self, batch: EncodedBatch, worker: Worker) -> Arrays:
        numbers = self.compute(batch, worker).detach().cpu()
        wide = numbers.double() if numbers.is_floating_point() else numbers
        return [wide.numpy().astype(self.dtype)]


@dataclass(frozen=True)
class Portion(Generic[Task]):
    """Rows whose results make a shard."""

    name: str
    """What tells its results from all others of the scan."""
    rows: int
    task: Callable[[], Task]
    """What a stage needs to compute them; asked for when it is their turn."""


def compute_shards(
    work: ScanWork, stage: Stage[Task, Arrays], portions: Sequence[Portion[Task]]
) -> Iterator[Shard]:
    """The shards of some portions, in their order, computed where they aren't there yet.

    Each is written when it is computed, whatever others are under way.
    """
    shards = work.shards
    found = [shards.find(portion.name, portion.rows) for portion in portions]
    missing = [number for number, shard in enumerate(found) if shard is None]
    is_missing = set(missing)
    tasks = (portions[number].task() for number in missing)
    computed = work.engine.map_as_done(stage, tasks, work.progress.advance)
    for number, portion in enumerate(portions):
        if number not in is_missing:
            work.progress.advance(portion.rows)
        while (shard := found[number]) is None:
            place, arrays = next(computed)
            own = portions[missing[place]]
            found[missing[place]] = shards.write(own.name, own.rows, arrays)
        yield shard


def compute_batches(
    work: ScanWork,
    name: str,
    compute: BatchStage,
    batches: Sequence[NDArray[np.int64]],
    *,
    are_large: bool = False,
) -> Iterator[tuple[NDArray[np.int64], Shard]]:
    """Planned rows and what is computed of them, shard after shard.

    **Arguments:**

    - `name`: what tells these results from others of the same rows.
    - `batches`: planned rows that are computed together.
    - `are_large`: whether results are so large that a shard takes those of one batch.
    """
    store, stored_of = work.encoded.store, work.rows.stored_of_planned
    together = 1 if are_large else -(-len(batches) // _MOST_SHARDS) or 1
    groups = [batches[start : start + together] for start in range(0, len(batches), together)]

    def portion(group: Sequence[NDArray[np.int64]]) -> Portion[Sequence[EncodedBatch]]:
        contents = [store.digests[stored_of[rows]].tobytes() for rows in group]
        return Portion(
            digest_name(name.encode(), *contents),
            sum(map(len, group)),
            lambda: [store.read(stored_of[rows]) for rows in group],
        )

    computed = compute_shards(work, _OfBatches(compute), list(map(portion, groups)))
    for group, shard in zip(groups, computed, strict=True):
        yield np.concatenate(group), shard


def compute_numbers(work: ScanWork, name: str, compute: TensorStage) -> NDArray[np.float64]:
    """A number for each planned row. Shape (planned,).

    **Arguments:**

    - `name`: what tells these numbers from others that the same scan computes.
    """
    numbers = np.empty(work.rows.planned)
    fill_table(work, name, numbers, np.arange(len(numbers) + 1), compute)
    return numbers


def fill_table(
    work: ScanWork,
    name: str,
    table: NDArray[np.floating],
    offsets: NDArray[np.int64],
    compute: TensorStage,
) -> None:
    """Fill a table with what is computed of the planned rows.

    **Arguments:**

    - `name`: as in `compute_numbers`.
    - `offsets`: shape (rows + 1,): where a row's part of the table starts, and the end.
    """
    plan = work.plan
    work.progress.stage("Scoring", len(plan.rows))
    batches = [np.arange(start, end) for start, end in pairwise(plan.starts.tolist())]
    for rows, shard in compute_batches(
        work,
        name,
        _InDtype(compute, table.dtype),
        batches,
        are_large=table.ndim > 1,
    ):
        part = table[offsets[rows[0]] : offsets[rows[-1] + 1]]
        part[...] = shard.part(0, table.dtype).reshape(part.shape)


def score_with_copies(
    work: ScanWork,
    finite: NDArray[np.bool_],
    score: Callable[[NDArray[np.int64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Scores (planned,) of a method that compares rows with each other.

    One that occurs three times counts three times. They are compared in the order of planned rows,
    so that the order of the data doesn't matter.

    **Arguments:**

    - `finite`: shape (planned,): the rows that have finite numbers; others get NaN.
    - `score`: scores of some planned rows, compared with each other.
    """
    rows = np.sort(work.rows.planned_of_stored)
    rows = rows[finite[rows]]
    scores = np.full(len(finite), np.nan)
    if len(rows) > 2:
        scores[rows] = score(rows)
    elif len(rows):
        scores[rows] = 0.0  # nothing to compare them with
    return scores
