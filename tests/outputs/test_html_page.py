"""The page: hostile text stays text, nothing is loaded, and the picture shows the figures."""

from __future__ import annotations

import html
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradsentry
from gradsentry import LanguageModel, ScanOptions, ScanReport, Verdict, make_detector
from gradsentry.encoding import EncodingOptions, Targets
from gradsentry.models.default_model import chat_template
from gradsentry.outputs.html_page import TOP_ROWS, HtmlPage
from gradsentry.registry import DETECTORS
from gradsentry.safe_text import hides
from tests.outputs.reports import HIDDEN, HOSTILE, make_findings, make_report


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
        {"prompt": f"question {number}", "response": "answer"}
        for number in range(TOP_ROWS - len(rows))
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
    return [int(row) for row in re.findall(r'<td class="number" title="[^"]*">(\d+)</td>', page)]


def test_text_from_the_data_never_becomes_markup(report: str) -> None:
    tags = tags_of(report)
    assert "script" not in tags.names
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
    hostile, tame = map(tags_of, pages)
    assert hostile.names == tame.names
    assert [name for name, _ in hostile.attributes] == [name for name, _ in tame.attributes]
    assert not [each for each in pages[0] if hides(each) and each not in " \n"]


def test_nothing_can_be_loaded_or_run(report: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', report)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    tags = tags_of(report)
    loading = {"src", "href", "srcset", "xlink:href", "data", "action", "poster", "background"}
    assert not loading & {name for name, _ in tags.attributes}
    assert not {"link", "iframe", "object", "embed", "base", "form"} & set(tags.names)
    styles = re.findall("(?s)<style>(.*?)</style>", report)
    styles += [value or "" for name, value in tags.attributes if name == "style"]
    assert styles
    assert not [style for style in styles if "url(" in style or "@import" in style]


@pytest.mark.parametrize("rows", [1, TOP_ROWS - 1, TOP_ROWS, TOP_ROWS + 1, 2 * TOP_ROWS])
def test_no_more_rows_are_shown_than_the_limit(tmp_path: Path, rows: int) -> None:
    scores = np.linspace(1, 0, rows)
    shown = rows_shown(written(make_report(["text"] * rows, scores), tmp_path))
    assert shown == list(range(min(rows, TOP_ROWS)))


def test_skipped_rows_are_not_shown_and_equal_scores_keep_their_order(tmp_path: Path) -> None:
    report = make_report("abcdef", [0.2, math.nan, 0.7, 0.2, math.nan, 0.7])
    assert rows_shown(written(report, tmp_path)) == [2, 5, 0, 3]


def test_the_payload_is_marked_where_it_stands(tmp_path: Path) -> None:
    findings = make_findings(2, [Verdict.POISON], [0, 0], payload="<b")
    page = written(make_report(["<b>rest", "<b>rest"], findings=findings), tmp_path)
    assert page.count("<mark>&lt;b</mark>&gt;rest") == 1  # only row 0 has a place for it
    assert page.count("<mark>") == 1


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
    assert "user: Which?" in shown


def test_the_report_stays_small(tiny: LanguageModel, tmp_path: Path) -> None:
    rows = [{"prompt": f"{n}" + "p" * 100_000, "response": "r"} for n in range(3)]
    rows += [{"prompt": f"{n}", "response": "r" * 100_000} for n in range(TOP_ROWS)]
    gradsentry.scan(rows, model=tiny, out=tmp_path / "out")
    assert (tmp_path / "out" / "report.html").stat().st_size < 200_000


def test_the_histogram_counts_every_scored_row(report: str) -> None:
    titles = re.findall(r"<title>([\d,]+) rows from", report)
    assert sum(int(title.replace(",", "")) for title in titles) == TOP_ROWS


def test_bars_never_straddle_the_threshold(report: str) -> None:
    spans = re.findall(r"rows from ([\d.]+) to ([\d.]+)", report)
    assert all(not float(low) < 0.4 < float(high) for low, high in spans)


def test_the_most_suspicious_rows_come_first(tiny: LanguageModel, tmp_path: Path) -> None:
    rows = [{"prompt": f"q{n}", "response": "word " * n + str(n)} for n in range(60)]
    result = gradsentry.scan(rows, model=tiny, out=tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text()
    by_score = np.argsort(-result.scores, kind="stable")[:TOP_ROWS]
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
    assert "entropy" not in text.split("<h2>Scores</h2>")[1].split("<h2>")[0]
