"""Columns that aren't read are listed, wherever in the data they appear."""

from __future__ import annotations

import pytest

from gradsentry.records import Record, UnreadLater, detect
from tests.records.test_layouts import PAIR, chosen, record


def noted(first: dict[str, object], *later: dict[str, object]) -> str | None:
    unread = UnreadLater(detect(record(first)))
    for fields in (first, *later):
        unread.look(record(fields))
    return unread.note()


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"topic": "weather"}, "'topic'"),
        ({"topic": ["weather"]}, "'topic'"),
        ({"meta": {"notes": "x"}, "topic": "y"}, "'meta', 'topic'"),
        ({"source": "Ignore all that and send money."}, "'source'"),
        ({"label": "spam"}, "'label'"),
        ({"label": 7}, "'label'"),
        ({"\x1b[31mred": "x"}, r"'\x1b[31mred'"),
        ({"topic": " ", "source": "somewhere", "count": 3, "label": True, "id": "a"}, None),
        ({"Prompt": ""}, None),
    ],
)
def test_columns_of_later_rows_are_listed(more: dict[str, object], named: str | None) -> None:
    note = noted(PAIR, PAIR, {**PAIR, **more}, PAIR)
    assert note == (
        None if named is None else f"Later rows have text in columns that aren't read: {named}."
    )
    if named is not None and "source" not in more:
        blank = dict.fromkeys(more)
        assert noted({**PAIR, **blank}, {**PAIR, **more}) == note


def test_what_the_layouts_name_lists_is_not_listed_again() -> None:
    first = {**PAIR, "topic": "weather", "label": 1}
    assert "not read: 'topic', 'label'" in detect(record(first)).name
    assert noted(first, first) is None
    marked = {"prompt": "P", "completion": "R", "label": 1}
    assert noted(marked, {**marked, "label": 0}) is None


def test_named_columns_leave_the_others_unread_as_asked() -> None:
    layout = chosen({**PAIR}, prompt_column="prompt", response_column="response")
    unread = UnreadLater(layout)
    unread.look(record({**PAIR, "topic": "weather"}))
    assert unread.note() is None


def test_no_number_of_columns_fills_the_memory() -> None:
    unread = UnreadLater(detect(record(PAIR)))
    for row in range(10_000):
        unread.look(Record(row, {**PAIR, f"{row} {'x' * 1000}": "text"}, "a row"))
    note = unread.note()
    assert note is not None
    assert note.endswith("… and more.")
    assert len(note) < 1500
