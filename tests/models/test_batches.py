"""The batch plan: complete, bounded, and the same whatever the order of the rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry.encoding import EncodedRow, EncodedStore, EncodedWriter
from gradsentry.models import plan_batches

row_lists = st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=9), min_size=1, max_size=30)


def stored(rows: list[list[int]], folder: str) -> EncodedStore:
    with EncodedWriter(Path(folder)) as writer:
        for ids in rows:
            mask = np.ones(len(ids), dtype=np.bool_)
            writer.append(EncodedRow(np.asarray(ids, dtype=np.int32), mask, False, False))
        return writer.finish()


@settings(max_examples=60, deadline=None)
@given(rows=row_lists, max_tokens=st.integers(1, 40))
def test_every_row_is_planned_once_within_the_budget(
    rows: list[list[int]], max_tokens: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = stored(rows, folder)
        plan = plan_batches(store, max_tokens)
        batches = [plan.batch(index) for index in range(len(plan))]
        planned = [tuple(store.row(int(row))[0]) for batch in batches for row in batch]
    assert sorted(planned) == sorted({tuple(ids) for ids in rows})
    for batch in batches:
        longest = max(len(rows[row]) for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= max_tokens
    for index, ids in enumerate(rows):
        assert rows[plan.rows[plan.copy_of[index]]] == ids


@settings(max_examples=60, deadline=None)
@given(rows=row_lists, max_tokens=st.integers(1, 40), random=st.randoms())
def test_the_plan_does_not_depend_on_the_order_of_the_rows(
    rows: list[list[int]], max_tokens: int, random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    plans = []
    for order in (rows, shuffled):
        with tempfile.TemporaryDirectory() as folder:
            plan = plan_batches(stored(order, folder), max_tokens)
            plans.append([[order[row] for row in plan.batch(i)] for i in range(len(plan))])
    assert plans[0] == plans[1]


def test_rows_that_differ_only_in_their_targets_are_different() -> None:
    ids = np.array([5, 6, 7], dtype=np.int32)
    with tempfile.TemporaryDirectory() as folder, EncodedWriter(Path(folder)) as writer:
        writer.append(EncodedRow(ids, np.array([False, True, True]), False, False))
        writer.append(EncodedRow(ids, np.array([False, False, True]), False, False))
        plan = plan_batches(writer.finish(), 100)
    assert len(plan.rows) == 2
