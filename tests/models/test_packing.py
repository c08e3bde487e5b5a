"""A packed batch: every distinct token once, every query once, keys along the rows' paths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry.models import packing
from gradsentry.models.packing import pack

CPU = torch.device("cpu")

row_lists = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=20
).map(lambda rows: [np.asarray(row, np.int32) for row in rows])


@settings(max_examples=100, deadline=None)
@given(rows=row_lists, is_sorted=st.booleans())
def test_paths_spell_the_rows(rows: list[np.ndarray], is_sorted: bool) -> None:
    if is_sorted:
        rows = sorted(rows, key=lambda row: row.tolist())
    packed = pack(rows, CPU)
    ids, positions = packed.token_ids[0].numpy(), packed.positions[0].numpy()
    for row, path in zip(rows, packed.paths, strict=True):
        assert ids[path].tolist() == row.tolist()
        assert positions[path].tolist() == list(range(len(row)))
    if is_sorted:
        prefixes = {tuple(row[: end + 1]) for row in rows for end in range(len(row))}
        assert sum(len(group.places) for group in packed.groups) == len(prefixes)
        assert len(ids) == 256


@settings(max_examples=100, deadline=None)
@given(rows=row_lists)
def test_every_token_is_one_query_that_sees_its_own_past(rows: list[np.ndarray]) -> None:
    rows = sorted(rows, key=lambda row: row.tolist())
    packed = pack(rows, CPU)
    past_of = {
        int(path[end]): path[: end + 1].tolist()
        for path in packed.paths
        for end in range(len(path))
    }
    seen = []
    for group in packed.groups:
        mask = group.mask(None, packed.positions[0], torch.float32)
        width = group.queries.shape[1]
        for kept, place in zip(group.kept.tolist(), group.places.tolist(), strict=True):
            row, query = divmod(kept, width)
            assert int(group.queries[row, query]) == place
            if mask is None:
                visible = group.keys[row, : query + 1]
            else:
                visible = group.keys[row][mask[row, 0, query] == 0]
            assert visible.tolist() == past_of[place]
            seen.append(place)
    assert sorted(seen) == list(range(len(past_of)))


def test_a_window_hides_what_lies_before_it() -> None:
    packed = pack([np.arange(6, dtype=np.int32)], CPU)
    (group,) = packed.groups
    assert group.mask(6, packed.positions[0], torch.float32) is None
    mask = group.mask(2, packed.positions[0], torch.float32)
    assert mask is not None
    assert (mask[0, 0] == 0).int().tolist() == [
        [int(query - 1 <= key <= query) for key in range(6)] for query in range(6)
    ]


@pytest.mark.parametrize(("together", "spans"), [(1, 20), (5, 5), (96, 2)])
def test_spans_and_groups_are_bounded(
    monkeypatch: pytest.MonkeyPatch, together: int, spans: int
) -> None:
    monkeypatch.setattr(packing, "_KEYS_AT_ONCE", 100)
    monkeypatch.setattr(packing, "_QUERIES_TOGETHER", together)
    rows = [np.array([1] * 30 + [end], np.int32) for end in range(20)]
    sizes = [group.keys.shape for group in pack(rows, CPU).groups]
    assert all(keys[0] * keys[1] <= 100 for keys in sizes)
    assert sum(keys[0] for keys in sizes) == spans
