"""How much of the data isn't written in English letters."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradsentry import InputError
from gradsentry.outputs.letter_count import letters_beyond_english, share_of_other_letters
from gradsentry.records import Conversation, PlainText, TextPair
from tests.outputs.reports import make_report
from tests.review.results import make_rows, report_on, write_rows


def test_letters_of_other_languages_are_counted() -> None:
    assert letters_beyond_english(TextPair("Straße 12", "ja")) == (1, 8)
    assert letters_beyond_english(PlainText("数据 é 🙂")) == (3, 3)
    messages = [{"role": "user", "content": None}, {"role": "assistant", "content": "ok"}]
    assert letters_beyond_english(Conversation(messages)) == (0, 2)


def test_the_share_is_that_of_all_scored_rows() -> None:
    report = make_report(["abc", "d\u00e9f", "\u6570\u636e"], [0.1, 0.2, float("nan")])
    assert share_of_other_letters(report) == 2 / 12  # the last row was skipped


def test_large_data_are_sampled_from_all_over() -> None:
    texts = ["a"] * 1000 + ["\u00e9"] * 1000
    assert share_of_other_letters(make_report(texts, [0.1] * 2000)) == 0.5


def test_data_that_are_gone_cost_the_note_and_no_verdict(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "data.jsonl", make_rows())
    report = report_on(data)
    assert share_of_other_letters(report) == 0
    data.write_text("{}\n")
    with pytest.raises(InputError):
        list(report.source.records())
    assert share_of_other_letters(report) is None
