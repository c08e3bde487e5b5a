"""The batch plan: complete, bounded, and the same whatever the order of the rows."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry.encoding import EncodedRow, EncodedStore, EncodedWriter
from gradsentry.models import Batching, batches, plan_batches
from gradsentry.models.batches import shared_lengths


def rows_from(prefixes: list[list[int]]) -> st.SearchStrategy[list[list[int]]]:
    """Rows that begin alike, some of them longer than a block of comparing."""
    ends = st.lists(st.integers(0, 3), min_size=2, max_size=40)
    row = st.tuples(st.sampled_from(prefixes), ends).map(lambda parts: [*parts[0], *parts[1]])
    return st.lists(row, min_size=1, max_size=30)


row_lists = rows_from([[], [1, 2], [1] * 40, [1] * 40 + [3], [2] * 64])
batchings = st.builds(Batching, max_tokens=st.integers(1, 150), shares_prefixes=st.booleans())


def stored(rows: list[list[int]], folder: str) -> EncodedStore:
    with EncodedWriter(Path(folder)) as writer:
        for ids in rows:
            mask = np.ones(len(ids), dtype=np.bool_)
            writer.append(EncodedRow(np.asarray(ids, dtype=np.int32), mask, False, False))
        return writer.finish()


def common(one: list[int], other: list[int]) -> int:
    same = (a == b for a, b in zip(one, other, strict=False))
    return sum(1 for _ in itertools.takewhile(bool, same))


def tokens_of(batch: list[list[int]], shares_prefixes: bool) -> int:
    """What a batch of rows costs."""
    if not shares_prefixes:
        return len(batch) * max(map(len, batch))
    return len({tuple(row[: end + 1]) for row in batch for end in range(len(row))})


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_distinct_rows_are_those_of_numpy(words: list[tuple[int, int]]) -> None:
    digests = np.array(words, ">u8").view(np.dtype((np.void, 16)))[:, 0]
    _, first, copy_of = np.unique(digests, return_index=True, return_inverse=True)
    own_first, own_copy_of = batches._distinct_rows(digests)
    np.testing.assert_array_equal(own_first, first)
    np.testing.assert_array_equal(own_copy_of, copy_of)


@settings(max_examples=60, deadline=None)
@given(rows=row_lists, batching=batchings)
def test_every_row_is_planned_once_within_the_budget(
    rows: list[list[int]], batching: Batching
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = stored(rows, folder)
        plan = plan_batches(store, batching)
        batches = [plan.batch(index) for index in range(len(plan))]
        planned = [tuple(store.row(int(row))[0]) for batch in batches for row in batch]
    assert sorted(planned) == sorted({tuple(ids) for ids in rows})
    for batch in batches:
        own = [rows[row] for row in batch]
        assert len(batch) == 1 or tokens_of(own, batching.shares_prefixes) <= batching.max_tokens
    for index, ids in enumerate(rows):
        assert rows[plan.rows[plan.copy_of[index]]] == ids


@settings(max_examples=100, deadline=None)
@given(rows=row_lists, at_once=st.sampled_from([1, 2, 5, 1000]))
def test_rows_are_ordered_by_their_tokens_however_few_are_compared_at_once(
    rows: list[list[int]], at_once: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "_ROWS_AT_ONCE", at_once)
        order = batches._token_order(stored(rows, folder), np.arange(len(rows)))
    assert order.tolist() == sorted(range(len(rows)), key=rows.__getitem__)


@settings(max_examples=60, deadline=None)
@given(rows=row_lists, batching=batchings, random=st.randoms())
def test_the_plan_does_not_depend_on_the_order_of_the_rows(
    rows: list[list[int]], batching: Batching, random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    plans = []
    for order in (rows, shuffled):
        with tempfile.TemporaryDirectory() as folder:
            plan = plan_batches(stored(order, folder), batching)
            plans.append([[order[row] for row in plan.batch(i)] for i in range(len(plan))])
    assert plans[0] == plans[1]


@settings(max_examples=60, deadline=None)
@given(rows=row_lists)
def test_families_are_ordered_by_tokens_and_go_by_length(rows: list[list[int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = stored(rows, folder)
        order = Batching(100, shares_prefixes=True).order(store, np.arange(len(rows)))
        shared = shared_lengths(store, order)
    ordered = [rows[row] for row in order]
    families: list[list[list[int]]] = []
    for row in sorted(rows):
        if not families or 2 * common(families[-1][-1], row) < len(row):
            families.append([])
        families[-1].append(row)
    families.sort(key=lambda family: -max(map(len, family)))
    assert ordered == [row for family in families for row in family]
    assert shared[0] == 0
    assert shared[1:].tolist() == [common(*pair) for pair in itertools.pairwise(ordered)]


@settings(max_examples=60, deadline=None)
@given(rows=row_lists, batching=batchings)
def test_rows_in_memory_are_planned_like_stored_ones(
    rows: list[list[int]], batching: Batching
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = stored(rows, folder)
        order = batching.order(store, np.arange(len(rows)))
        of_store = [order[places].tolist() for places in batching.batches(store, order)]
    assert list(batching.of_rows([np.array(row) for row in rows])) == of_store


def test_batches_end_where_little_is_shared() -> None:
    stories = [[story] * 50 + [question] * 5 for story in (1, 2, 3) for question in range(4)]
    with tempfile.TemporaryDirectory() as folder:
        store = stored(stories, folder)
        plan = plan_batches(store, Batching(100, shares_prefixes=True))
    # A story and its questions have 70 tokens, and the next one's would begin in the same batch.
    assert plan.starts.tolist() == [0, 4, 8, 12]


def test_batches_are_as_full_as_they_can_be_where_nothing_is_shared() -> None:
    rows = [[first] * 40 for first in range(7)]
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_batches(stored(rows, folder), Batching(130, shares_prefixes=True))
    assert plan.starts.tolist() == [0, 3, 6, 7]


def test_without_sharing_the_longest_rows_come_first() -> None:
    rows = [[1] * length for length in (3, 9, 2, 5)]
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_batches(stored(rows, folder), Batching(10, shares_prefixes=False))
    assert [len(rows[row]) for row in plan.rows] == [9, 5, 3, 2]


def test_rows_that_differ_only_in_their_targets_are_different() -> None:
    ids = np.array([5, 6, 7], dtype=np.int32)
    with tempfile.TemporaryDirectory() as folder, EncodedWriter(Path(folder)) as writer:
        writer.append(EncodedRow(ids, np.array([False, True, True]), False, False))
        writer.append(EncodedRow(ids, np.array([False, False, True]), False, False))
        plan = plan_batches(writer.finish(), Batching(100, shares_prefixes=True))
    assert len(plan.rows) == 2


def test_what_rows_share_is_bounded_too() -> None:
    rows = [[1] * 90 + [end] for end in range(60)]
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_batches(stored(rows, folder), Batching(100, shares_prefixes=True))
    assert max(91 * np.diff(plan.starts)) <= 16 * 100
