"""Hashes of texts: how many rows have which."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.hashes import HashedRows, hashed, held_in, places_in

ROWS = st.lists(st.sets(st.text(max_size=2), max_size=6), max_size=8)


@given(ROWS, st.integers(1, 4))
def test_hashes_are_counted_by_rows(rows: list[set[str]], fewest: int) -> None:
    hashes = HashedRows.of(map(hashed, rows))
    assert [set(hashes[row].tolist()) for row in range(len(rows))] == [
        {hash(text) % 2**64 for text in row} for row in rows
    ]
    counts = Counter(text for row in rows for text in row)
    wanted = {hash(text) % 2**64: n for text, n in counts.items() if n >= fewest}
    values, numbers = hashes.frequencies(fewest)
    assert dict(zip(values.tolist(), numbers.tolist(), strict=True)) == wanted
    assert values.tolist() == sorted(wanted)
    found = {value: held.tolist() for value, held in hashes.recurring(fewest)}
    assert found == {
        hash(text) % 2**64: [row for row, texts in enumerate(rows) if text in texts]
        for text, n in counts.items()
        if n >= fewest
    }


@given(st.sets(st.text(max_size=2), max_size=6), st.sets(st.text(max_size=2), max_size=6))
def test_hashes_are_found_among_others(some: set[str], others: set[str]) -> None:
    values = np.sort(hashed(others))
    own = hashed(some)
    held = held_in(own, values)
    assert held.tolist() == [text in others for text in some]
    if len(values):
        assert (values[places_in(own[held], values)] == own[held]).all()
