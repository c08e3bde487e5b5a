"""Engines: the same results, in the order of the tasks, begun when they are asked for."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import LanguageModel, make_detector
from gradsentry.detectors.detector import _score_batch
from gradsentry.detectors.transfer.assignment import AssignRows
from gradsentry.encoding import Encoder, EncodingOptions
from gradsentry.records import TextPair
from gradsentry.work.engine import Advance, LocalEngine, UnderWay, Worker, in_order


@dataclass(frozen=True)
class Doubled:
    def __call__(self, task: int, worker: Worker, advance: Advance) -> int:
        advance(1)
        return 2 * task


def test_results_come_in_order_and_tasks_are_taken_one_by_one(tiny: LanguageModel) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(4):
            taken.append(number)
            yield number

    done: list[int] = []
    engine = LocalEngine(Worker.of(tiny, Encoder(tiny.tokenizer, EncodingOptions())))
    results = engine.map(Doubled(), tasks(), done.append)
    assert next(results) == 0
    assert taken == [0]
    assert list(results) == [2, 4, 6]
    assert done == [1, 1, 1, 1]


def test_stages_of_detectors_can_be_sent_elsewhere(tiny: LanguageModel) -> None:
    """What a detector does with a batch depends on the batch, the model and its own options."""
    worker = Worker.of(tiny, Encoder(tiny.tokenizer, EncodingOptions()))
    (row,) = worker.encoder.encode([TextPair("What? ", "That, and that.")])
    batch = [(row.token_ids, row.target_mask)]  # type: ignore[union-attr]
    for name in ("spectral", "perplexity"):
        detector = make_detector(name)
        sent = pickle.loads(pickle.dumps(detector))
        expected = _score_batch(detector, batch, worker)  # type: ignore[arg-type]
        np.testing.assert_array_equal(_score_batch(sent, batch, worker), expected)
    assert pickle.loads(pickle.dumps(AssignRows(()))) == AssignRows(())


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 6), st.integers(1, 9))
def test_tasks_under_way_are_bounded_and_their_results_come_in_order(
    ends: list[int], most: int, ahead: int
) -> None:
    count = len(ends)
    running: UnderWay[str] = UnderWay(most, ahead)

    def results() -> Iterator[tuple[int, str]]:
        for end in ends:
            while running.has_room and running.begun < count:
                running.begin(f"task {running.begun}")
            assert len(running.numbers) <= most
            handles = list(running.numbers)
            handle = handles[end % len(handles)]
            first = min(running.numbers.values())
            assert running.begun - first <= ahead
            yield running.end(handle), handle

    assert list(in_order(results())) == [f"task {number}" for number in range(count)]
