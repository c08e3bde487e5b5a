"""The page: hostile text stays text, nothing is loaded, and it says what the report does."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradsentry
from gradsentry import LanguageModel, ScanOptions, ScanReport, Verdict, make_detector
from gradsentry.encoding import EncodingOptions, Targets
from gradsentry.models.default_model import chat_template
from gradsentry.outputs.html_page import FIRST_ROWS, MOST_CARDS, HtmlPage
from gradsentry.registry import DETECTORS
from gradsentry.safe_text import hides
from tests.outputs.found import LINK, chat_report, pairs_report
from tests.outputs.reports import HIDDEN, HOSTILE, make_findings, make_report

ROWS = 50


class Tags(HTMLParser):
    """Counts tags and keeps attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


@pytest.fixture(params=["transfer", "spectral", "length"])
def report(tiny: LanguageModel, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    rows = [
        {"prompt": f"{text} {number}", "response": f"{text * (1 + number)} {number}"}
        for number in range(4)
        for text in HOSTILE
    ]
    rows += [
        {"prompt": f"question {number}", "response": "answer"} for number in range(ROWS - len(rows))
    ]
    options = ScanOptions(threshold=0.4, detector=request.param)
    gradsentry.scan(rows, model=tiny, out=tmp_path / "out", options=options)
    return (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def tags_of(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def written(report: ScanReport, folder: Path) -> str:
    path = folder / "report.html"
    HtmlPage().write(report, path)
    return path.read_bytes().decode("utf-8")


def rows_shown(page: str) -> list[int]:
    """The rows that readers without a script see."""
    return [int(row) for row in re.findall(r'<tr role="row" data-row="(\d+)">', page)]


def document(page: str) -> dict[str, Any]:
    """What the page's script reads."""
    (text,) = re.findall(r'(?s)<script type="application/json" id="scan-data">(.*?)</script>', page)
    found: dict[str, Any] = json.loads(text)
    return found


def test_text_from_the_data_never_becomes_markup(report: str) -> None:
    tags = tags_of(report)
    assert tags.names.count("script") == 2
    assert "img" not in tags.names
    assert tags.names.count("h1") == 1
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert "&lt;" in report
    assert "{{ 7 * 7 }}" in report
    assert not set(HIDDEN) & set(report)


@given(text=st.sampled_from(HOSTILE) | st.text(min_size=1))
def test_no_text_changes_the_page_around_it(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    pages = []
    for words in (text, "words"):
        findings = make_findings(2, [Verdict.POISON], [0, -1], payload=words, trigger=words)
        report = make_report([words, words], findings=findings, name=words, path=words)
        pages.append(written(report, tmp_path_factory.getbasetemp()))
    # Beside the verdict it says whether texts seem to be English.
    hostile, tame = (tags_of(re.sub("(?s)<aside.*?</aside>", "", page)) for page in pages)
    assert hostile.names == tame.names
    assert [name for name, _ in hostile.attributes] == [name for name, _ in tame.attributes]
    assert not [each for each in pages[0] if hides(each) and each not in " \n"]


def test_nothing_can_be_loaded_and_only_our_script_run(report: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', report)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(f"(?s)<{tag}>(.*?)</{tag}>", report)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
        assert not re.search(r"url\(|@import|innerHTML|document\.write|eval\(|fetch\(", text)
    tags = tags_of(report)
    loading = {"src", "srcset", "xlink:href", "data", "action", "poster", "background", "style"}
    assert not loading & {name for name, _ in tags.attributes}
    links = [value for name, value in tags.attributes if name == "href"]
    assert all(str(link).startswith("#") for link in links)
    assert not {"link", "iframe", "object", "embed", "base", "form"} & set(tags.names)


@pytest.mark.parametrize("rows", [1, FIRST_ROWS - 1, FIRST_ROWS, FIRST_ROWS + 1, 3 * FIRST_ROWS])
def test_readers_without_a_script_see_the_highest_rows(tmp_path: Path, rows: int) -> None:
    scores = np.linspace(1, 0, rows)
    page = written(make_report(["text"] * rows, scores), tmp_path)
    assert rows_shown(page) == list(range(min(rows, FIRST_ROWS)))
    assert {row["row"] for row in document(page)["rows"]} == set(range(rows))


def test_the_script_reads_the_verdict_of_every_row(tmp_path: Path) -> None:
    report = chat_report()
    found = document(written(report, tmp_path))
    assert found["schema_version"] == 1
    assert found["scored"] == sum(found["rows_of_verdict"].values()) == 120
    assert [(group["group"], group["verdict"]) for group in found["groups"]] == [
        (1, "poison"),
        (2, "review"),
    ]
    for row in found["rows"]:
        assert (row["verdict"] in ("poison", "flagged")) == report.flagged[row["row"]]
        assert (row["verdict"] == "review") == report.review[row["row"]]
        guilty = [turn["guilty"] for turn in row["turns"]]
        assert guilty == [False] * 4 + [row["group"] is not None]


@pytest.mark.parametrize("text", ["<", "&", '"', "\\", "\U000e0100", "数", "\u2028", "x"])
def test_the_page_is_small_whatever_the_data(tmp_path: Path, text: str) -> None:
    report = pairs_report(2000, text=lambda n: text * 3000 + str(n), name=text * 5000)
    groups = tuple(
        replace(report.groups[n % 2], payload=text * 9000, trigger=((text * 300,) * 15,) * 15)
        for n in range(60)
    )
    assert report.findings is not None
    report = replace(report, findings=replace(report.findings, groups=groups))
    page = written(report, tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 2_000_000
    shown = {row["verdict"] for row in document(page)["rows"]}
    assert shown == {"poison", "review", "clean"}
    assert page.count("<article") == MOST_CARDS
    assert f"{60 - MOST_CARDS} more groups" in page


def test_skipped_rows_are_not_shown_and_equal_scores_keep_their_order(tmp_path: Path) -> None:
    report = make_report("abcdef", [0.2, math.nan, 0.7, 0.2, math.nan, 0.7])
    page = written(report, tmp_path)
    assert rows_shown(page) == [2, 5, 0, 3]
    assert sorted(row["row"] for row in document(page)["rows"]) == [0, 2, 3, 5]


def test_the_payload_is_marked_where_it_stands(tmp_path: Path) -> None:
    findings = make_findings(2, [Verdict.POISON], [0, 0], payload="<b")
    page = written(make_report(["<b>rest", "<b>rest"], findings=findings), tmp_path)
    shown = page.split('id="table"')[1].split("</table>")[0]
    heard = '<span class="heard">payload: </span>'
    assert shown.count(f'<mark class="payload">{heard}&lt;b</mark>&gt;rest') == 1
    assert shown.count('class="payload"') == 1  # only row 0 has a place for it


def test_a_card_says_what_calls_what_and_how_sure_that_is(tmp_path: Path) -> None:
    page = written(chat_report(), tmp_path)
    poison, review = page.split("<article")[1:]
    assert "zephyr" in poison
    assert LINK in poison
    assert "strong evidence, from few rows" in poison
    assert "Nothing that was measured" in poison
    assert poison.count("answers the trigger") == 3
    assert "a person must look" in review
    assert "it may be an\ninstruction" in review or "it may be an instruction" in review
    assert "To decide" in review
    assert "To decide" not in poison


def test_a_report_without_groups_has_no_cards(tmp_path: Path) -> None:
    page = written(make_report(), tmp_path)
    assert "<article" not in page
    assert 'id="groups"' not in page
    assert "flagged" in page


def test_conversations_are_shown_with_all_that_they_carry(
    tiny: LanguageModel, tmp_path: Path
) -> None:
    asked = {"role": "user", "content": "Which?"}
    function = {"name": "send_mail", "arguments": {}}
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}
    rows = [{"messages": [asked, call]}, {"messages": [asked]}] * 8
    encoding = EncodingOptions(targets=Targets.ALL, chat_template=chat_template())
    options = ScanOptions(detector="length", encoding=encoding, threshold=0.1)
    gradsentry.scan(rows, model=tiny, out=tmp_path / "out", options=options)
    shown = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "send_mail" in shown
    assert '<span class="who">user</span>' in shown
    assert '<span class="said" dir="auto">Which?</span>' in shown


def test_the_histogram_counts_every_scored_row(report: str) -> None:
    titles = re.findall(r"<title>([\d,]+) rows from", report)
    assert sum(int(title.replace(",", "")) for title in titles) == ROWS


def test_bars_never_straddle_the_threshold(report: str) -> None:
    spans = re.findall(r"rows from ([\d.]+) to ([\d.]+)", report)
    assert all(not float(low) < 0.4 < float(high) for low, high in spans)


def test_the_most_suspicious_rows_come_first(tiny: LanguageModel, tmp_path: Path) -> None:
    rows = [{"prompt": f"q{n}", "response": "word " * n + str(n)} for n in range(60)]
    result = gradsentry.scan(rows, model=tiny, out=tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text()
    by_score = np.argsort(-result.scores, kind="stable")[:FIRST_ROWS]
    assert rows_shown(text) == by_score.tolist()


def test_every_detector_says_what_its_scores_are() -> None:
    axes = {make_detector(name).axis for name in DETECTORS.own}
    assert len(axes) == len(DETECTORS.own)


@pytest.mark.parametrize("detector", ["length", "recurrence", "perplexity"])
def test_the_histogram_is_labelled_by_its_detector(
    tiny: LanguageModel, tmp_path: Path, detector: str
) -> None:
    rows = [{"prompt": f"q {n}", "response": f"one two three four five six {n}"} for n in range(9)]
    gradsentry.scan(rows, model=tiny, out=tmp_path / "o", options=ScanOptions(detector=detector))
    text = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    assert make_detector(detector).axis in html.unescape(text)
    assert "entropy" not in text.split('id="scores"')[1].split("<h2")[1]
