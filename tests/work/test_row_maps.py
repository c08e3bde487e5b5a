"""The numberings of rows: what one says, the others say too."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.work.row_maps import PlannedRow, RowMaps


@st.composite
def maps(draw: st.DrawFn) -> tuple[RowMaps, int]:
    """Rows, some of them skipped, read in windows, or equal; and how many there are."""
    windows = draw(st.lists(st.integers(0, 3), min_size=1, max_size=12).filter(any))
    inputs = np.repeat(np.arange(len(windows)), windows)
    kinds = np.array(draw(st.lists(st.integers(0, 4), min_size=len(inputs), max_size=len(inputs))))
    _, first, planned = np.unique(kinds, return_index=True, return_inverse=True)
    order = np.array(draw(st.permutations(range(len(first)))))
    position = np.argsort(order)
    return RowMaps(inputs, position[planned], first[order]), len(windows)


@given(maps())
def test_a_planned_row_stands_for_its_copies(found: tuple[RowMaps, int]) -> None:
    rows, _ = found
    assert rows.copies.sum() == rows.stored
    for planned in map(PlannedRow, range(rows.planned)):
        assert rows.planned_of_stored[rows.stored_row(planned)] == planned
        assert rows.copies[planned] == (rows.planned_of_stored == planned).sum()


@given(maps())
def test_an_input_row_has_the_highest_score_of_its_windows(found: tuple[RowMaps, int]) -> None:
    rows, count = found
    scores = np.linspace(0, 1, rows.planned)
    of_inputs = rows.scores_of_inputs(scores, count)
    for row in range(count):
        own = scores[rows.planned_of_stored[rows.input_of_stored == row]]
        assert of_inputs[row] == own.max() if len(own) else np.isnan(of_inputs[row])


@given(maps())
def test_a_row_has_no_score_where_one_of_its_windows_has_none(found: tuple[RowMaps, int]) -> None:
    rows, count = found
    scores = np.zeros(rows.planned)
    scores[0] = np.nan
    of_inputs = rows.scores_of_inputs(scores, count)
    hit = rows.input_of_stored[rows.planned_of_stored == 0]
    assert np.isnan(of_inputs[hit]).all()
