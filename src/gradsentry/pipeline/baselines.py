"""Detectors that score rows one by one, or as points: the paper's, and the published baselines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.detectors import graceful
from gradsentry.detectors.representations import (
    activation_cluster_scores,
    cube_scores,
    last_hidden,
    spectral_signature_scores,
)
from gradsentry.detectors.simple import length_scores, perplexity_scores, recurrence_scores
from gradsentry.detectors.spectral import HEAD, module_spectral_scores, spectral_scores
from gradsentry.errors import InputError
from gradsentry.models import TargetStates, enough_for_batch, linear_module, module_factors
from gradsentry.pipeline.onion import onion_scores
from gradsentry.pipeline.options import Detector
from gradsentry.pipeline.work import ScanWork
from gradsentry.ragged import offsets_of
from gradsentry.records import prompt_and_response

FloatArray = NDArray[np.float64]


def baseline_scores(work: ScanWork) -> FloatArray:
    """Scores of the plan's rows, shape (rows,); NaN where the model's numbers aren't finite."""
    model, options = work.model, work.options
    match options.detector:
        case Detector.SPECTRAL if options.spectral.target_module != HEAD:
            return _numbers(work, _of_module(work))
        case Detector.SPECTRAL:
            return _numbers(
                work,
                _of_states(
                    work, lambda states: spectral_scores(states, model.head, options.spectral)
                ),
            )
        case Detector.PERPLEXITY:
            return _numbers(
                work, _of_states(work, lambda states: perplexity_scores(states, model.head))
            )
        case Detector.LENGTH:
            return length_scores(work.target_tokens)
        case Detector.RECURRENCE:
            copies = np.bincount(work.plan.copy_of, minlength=len(work.plan.rows))
            return recurrence_scores(_responses(work), copies)
        case Detector.ONION:
            return onion_scores(work)
        case Detector.SPECTRAL_SIGNATURES:
            ratio = options.baselines.expected_ratio
            return _of_points(work, lambda points: spectral_signature_scores(points, ratio))
        case Detector.ACTIVATION_CLUSTERING:
            seed = options.baselines.seed
            return _of_points(work, lambda points: activation_cluster_scores(points, seed))
        case Detector.CUBE:
            seed = options.baselines.seed
            return _of_points(work, lambda points: cube_scores(points, seed))
        case Detector.GRACEFUL:
            return _graceful(work)
        case Detector.TRANSFER:
            raise AssertionError("not a baseline")


Compute = Callable[[NDArray[np.int64]], Tensor]
"""What is computed of a batch of rows of the store."""


def _of_states(work: ScanWork, compute: Callable[[TargetStates], Tensor]) -> Compute:
    return lambda rows: compute(work.states.of(rows))


def _of_module(work: ScanWork) -> Compute:
    options = work.options.spectral
    module = linear_module(work.model, options.target_module)

    def score(rows: NDArray[np.int64]) -> Tensor:
        factors = module_factors(work.model, work.encoded.store.read(rows), module)
        return module_spectral_scores(factors, options)

    return score


def _numbers(work: ScanWork, score: Compute) -> FloatArray:
    """A number for each row."""
    scores = np.empty(len(work.plan.rows))
    _fill(work, scores, np.arange(len(scores) + 1), score)
    return scores


def _of_points(work: ScanWork, score: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Scores of rows as points, each as often as it occurs; NaN for points that aren't finite."""
    shape = (len(work.plan.rows), work.model.head.hidden_size)
    points = work.space.table("points", shape, np.float32)
    _fill(work, points, np.arange(len(points) + 1), _of_states(work, last_hidden))
    finite = np.isfinite(points).all(axis=1)
    return _each_as_often_as_it_occurs(work, finite, lambda rows: score(points[rows].astype(float)))


def _graceful(work: ScanWork) -> FloatArray:
    if (count := len(work.plan.copy_of)) > graceful.MAX_ROWS:
        raise InputError(
            f"{work.source.label}: graceful compares all pairs of {count:,} rows, which are too "
            "many.",
            f"Use at most {graceful.MAX_ROWS:,} rows, or another detector.",
        )
    head = work.model.head
    counts = graceful.factor_rows(work.target_tokens, head)
    offsets = offsets_of(counts)
    width = sum(graceful.kept_shape(head))
    factors = work.space.table("factors", (int(offsets[-1]), width), np.float32)
    _fill(work, factors, offsets, _of_states(work, lambda s: graceful.block_factors(s, head)))
    finite = np.isfinite(np.add.reduceat(factors.sum(axis=1), offsets[:-1]))
    work.progress.stage("Comparing all pairs of rows", None)
    products = graceful.block_products(factors, counts, graceful.kept_shape(head)[1])
    return _each_as_often_as_it_occurs(
        work, finite, lambda rows: graceful.graceful_scores(products[np.ix_(rows, rows)])
    )


def _each_as_often_as_it_occurs(
    work: ScanWork, finite: NDArray[np.bool_], score: Callable[[NDArray[np.int64]], FloatArray]
) -> FloatArray:
    """Scores that depend on all rows, duplicates among them; in the plan's order, so that the
    order of the data doesn't matter."""
    rows = np.sort(work.plan.copy_of)
    rows = rows[finite[rows]]
    scores = np.full(len(finite), np.nan)
    if len(rows) > 2:
        scores[rows] = score(rows)
    elif len(rows):
        scores[rows] = 0.0  # nothing to compare them with
    return scores


def _fill(
    work: ScanWork,
    table: NDArray[np.floating],
    offsets: NDArray[np.int64],
    compute: Compute,
) -> None:
    """Fill a table with what is computed of the plan's rows, batch by batch.

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


def _computed(
    work: ScanWork, compute: Compute, rows: NDArray[np.int64], dtype: np.dtype[Any]
) -> list[NDArray[Any]]:
    with enough_for_batch(work.model, len(rows)):
        return [compute(rows).numpy().astype(dtype)]


def _responses(work: ScanWork) -> list[str]:
    responses = [""] * len(work.plan.rows)
    for place, example in work.examples():
        responses[place] = prompt_and_response(example)[1]
    return responses
