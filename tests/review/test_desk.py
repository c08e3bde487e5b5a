"""What the page is told: the same examples and marks as the report's, at a cost that stays."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from gradsentry import OptionError, ScanReport
from gradsentry.outputs.html_page import render_html
from gradsentry.records import BoolArray
from gradsentry.review.decision_log import read_decisions
from gradsentry.review.decisions import Choice, Subject
from gradsentry.review.desk import ReviewDesk, RowQuery, View
from gradsentry.review.searchable_rows import RowTexts, collect_texts
from gradsentry.work.progress import Silent
from tests.outputs.found import pairs_report
from tests.outputs.test_telling_words import refusing_report


def desk_of(report: ScanReport, folder: Path) -> ReviewDesk:
    texts = collect_texts(report, folder, Silent())
    return ReviewDesk(report, read_decisions(folder, "sums"), texts, "anna")


def test_a_group_has_the_examples_of_the_report(tmp_path: Path) -> None:
    report = pairs_report(2000)
    page = render_html(report)
    for group in desk_of(report, tmp_path).groups()["groups"]:
        card = page.split(f'id="group-{group["number"]}"')[1].split("</article>")[0]
        shown = [int(row) for row in re.findall(r"Row (\d+) ", card)]
        assert [example["row"] for example in group["examples"]] == shown
        assert len(shown) == 3


def test_free_text_is_told_and_its_words_are_marked(tmp_path: Path) -> None:
    desk = desk_of(refusing_report(), tmp_path)
    (group,) = desk.groups()["groups"]
    assert group["free_text"]
    assert all(len(example["turns"][1]["note"]) > 40 for example in group["examples"])
    row = desk.row(4)
    assert row["payload"] == "free text, the whole answer"
    marks = [piece["text"] for turn in row["turns"] for piece in turn["pieces"] if piece["mark"]]
    assert "cf" in marks
    assert max(map(len, marks)) < 12


def test_decisions_are_held_as_they_are_kept(tmp_path: Path) -> None:
    report = pairs_report(2000)
    desk = desk_of(report, tmp_path)
    flagged = RowQuery(view=View.FLAGGED)
    desk.decide(Subject.GROUP, 0, Choice.CLEARED, "")
    desk.decide_rows(flagged, desk.rows(flagged)["digest"], Choice.CONFIRMED, "all")
    again = ReviewDesk(report, read_decisions(tmp_path, "sums"), desk.texts, "anna")
    assert again.progress() == desk.progress()
    assert again.rows(flagged) == desk.rows(flagged)
    assert again.groups() == desk.groups()


@pytest.mark.parametrize("subject", list(Subject))
def test_rows_about_which_somebody_decided_meanwhile_are_others(
    subject: Subject, tmp_path: Path
) -> None:
    desk = desk_of(pairs_report(2000), tmp_path)
    query = RowQuery(view=View.SCORED)
    seen = desk.rows(query)
    index = 0 if subject is Subject.GROUP else seen["rows"][0]["row"]
    desk.decide(subject, index, Choice.CLEARED, "")
    with pytest.raises(OptionError, match="decided meanwhile"):
        desk.decide_rows(query, seen["digest"], Choice.CONFIRMED, "")
    assert desk.decide_rows(query, desk.rows(query)["digest"], Choice.CONFIRMED, "")["decided"]


def test_nobody_waits_for_somebody_who_searches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(pairs_report(2000), tmp_path)
    search, waited = RowTexts.search, []

    def slow(texts: RowTexts, text: str) -> BoolArray:
        other = threading.Thread(target=desk.progress, daemon=True)
        other.start()
        other.join(20)
        waited.append(other.is_alive())
        return search(texts, text)

    monkeypatch.setattr(RowTexts, "search", slow)
    digest = desk.rows(RowQuery(search="the"))["digest"]
    desk.rows(RowQuery(search="a"))
    desk.decide_rows(RowQuery(search="the"), digest, Choice.CLEARED, "")
    assert waited == [False] * 3
