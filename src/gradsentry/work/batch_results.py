"""Numbers computed of a scan's rows, batch by batch, kept so that an interrupted scan goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.models import enough_for_batch
from gradsentry.work.scan_work import ScanWork

Compute = Callable[[NDArray[np.int64]], Tensor]
"""What is computed of a batch of rows of the store."""


def row_numbers(work: ScanWork, compute: Compute) -> NDArray[np.float64]:
    """A number for each planned row. Shape (planned,)."""
    numbers = np.empty(work.rows.planned)
    fill_table(work, numbers, np.arange(len(numbers) + 1), compute)
    return numbers


def fill_table(
    work: ScanWork,
    table: NDArray[np.floating],
    offsets: NDArray[np.int64],
    compute: Compute,
) -> None:
    """Fill a table with what is computed of the planned rows.

    **Arguments:**

    - `offsets`: shape (rows + 1,): where a row's part of the table starts, and the end.
    """
    plan = work.plan
    journal = work.space.journal(work.fingerprint, len(plan.rows), work.progress)
    work.progress.stage("Scoring", len(plan.rows))
    for index in range(len(plan)):
        rows = plan.batch(index)
        start, end = int(plan.starts[index]), int(plan.starts[index + 1])
        block = journal.step(len(rows), partial(_computed, work, compute, rows, table.dtype))
        part = table[offsets[start] : offsets[end]]
        part[...] = block.part(0, table.dtype).reshape(part.shape)
        work.progress.advance(len(rows))


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


def _computed(
    work: ScanWork, compute: Compute, rows: NDArray[np.int64], dtype: np.dtype[Any]
) -> list[NDArray[Any]]:
    with enough_for_batch(work.model, len(rows)):
        numbers = compute(rows).detach().cpu()
        wide = numbers.double() if numbers.is_floating_point() else numbers
        return [wide.numpy().astype(dtype)]
