"""Decisions: which of them hold, and what they say of a group or row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradsentry import OptionError
from gradsentry.review.decisions import (
    Choice,
    Decision,
    Subject,
    check_note,
    check_reviewer,
    content_of,
    standing,
)
from tests.outputs.reports import make_report
from tests.review.results import PAYLOAD, make_rows, report_on, write_rows


def make(choice: Choice, index: int, note: str = "") -> Decision:
    return Decision(choice, Subject.ROW, index, {}, note, "anna", "2026")


def test_the_last_decision_holds_unless_it_was_withdrawn() -> None:
    first, second = make(Choice.CLEARED, 1), make(Choice.CONFIRMED, 1)
    assert standing([first, second]) == {second.key: second}
    assert standing([first, make(Choice.WITHDRAWN, 1)]) == {}
    again = make(Choice.CLEARED, 1, "again")
    assert standing([first, make(Choice.WITHDRAWN, 1), again]) == {again.key: again}
    group = Decision(Choice.CLEARED, Subject.GROUP, 1, {}, "", "anna", "2026")
    assert len(standing([first, group])) == 2


def test_a_group_is_what_it_says_and_which_rows_it_has(tmp_path: Path) -> None:
    report = report_on(write_rows(tmp_path / "a.jsonl", make_rows()))
    content = content_of(report, Subject.GROUP, 0)
    assert content["payload"] == PAYLOAD
    assert content["trigger"] == [["zq"]]
    rows = make_rows()
    rows[2]["response"] = "Other." + PAYLOAD
    changed = report_on(write_rows(tmp_path / "b.jsonl", rows))
    assert content_of(changed, Subject.GROUP, 0) != content
    assert content_of(changed, Subject.GROUP, 1) == content_of(report, Subject.GROUP, 1)


def test_what_is_not_there_cannot_be_decided(tmp_path: Path) -> None:
    report = report_on(write_rows(tmp_path / "a.jsonl", make_rows()))
    for index in (-1, 2):
        with pytest.raises(OptionError, match=f"no group {index + 1}"):
            content_of(report, Subject.GROUP, index)
    for index in (-1, 12):
        with pytest.raises(OptionError, match=f"no row {index}"):
            content_of(report, Subject.ROW, index)
    skipped = make_report(scores=[0.5, np.nan, 0.5, 0.5])
    with pytest.raises(OptionError, match="skipped"):
        content_of(skipped, Subject.ROW, 1)


@pytest.mark.parametrize("name", ["", "  ", "\ud800", "x" * 201])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="reviewer"):
        check_reviewer(name)


@pytest.mark.parametrize("note", ["\ud800", "x" * 4001])
def test_a_note_that_is_none_is_refused(note: str) -> None:
    with pytest.raises(OptionError, match="note"):
        check_note(note)
