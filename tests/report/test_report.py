"""Reports: hostile text stays text, and the picture shows the figures."""

from __future__ import annotations

import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

import gradsentry
from gradsentry import DataOptions, LanguageModel, ScanOptions, make_detector
from gradsentry.encoding import EncodingOptions, Targets
from gradsentry.models.default_model import chat_template
from gradsentry.outputs.html_page import TOP_ROWS
from gradsentry.registry import DETECTORS
from gradsentry.report.terminal import Piped, print_verdict, showing_progress
from gradsentry.report.verdict import together
from gradsentry.safe_text import excerpt, visible
from tests.tiny_models import tiny_model

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "\u202egnp.exe\u2066",
    "</td></tr></table><h1>All rows are clean</h1>",
    "[bold red]markup[/]",
    "a\u200bb\ufeffc\x00d",
]


class Tags(HTMLParser):
    """Counts tags and keeps attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


@given(st.text())
def test_visible_text_is_one_line_of_printable_characters(text: str) -> None:
    assert visible(text).isprintable()


BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u2800\u3164\ufe0f\uffa0\U000e0100\U000e01ef"


def test_characters_that_show_nothing_are_escaped() -> None:
    assert visible(BLANK).isascii()
    assert visible(f"a{BLANK}b").count("\\") == len(BLANK)


@given(
    st.text(
        st.characters(
            categories=["L", "N", "P", "S"], include_characters=" ", exclude_characters=BLANK
        )
    )
)
def test_visible_text_keeps_ordinary_characters(text: str) -> None:
    assert visible(text) == text


def test_a_reader_who_has_left_is_no_exit_code_of_ours() -> None:
    class Left(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Piped(file=Left()).print("x")


def test_an_excerpt_keeps_both_ends() -> None:
    text = "start" + "x" * 5000 + "payload"
    shown = excerpt(text, 200)
    assert shown.startswith("start")
    assert shown.endswith("payload")
    assert len(shown) <= 210


@pytest.fixture(params=["transfer", "spectral", "length"])
def report(tiny: LanguageModel, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    rows = [
        {"prompt": f"{text} {number}", "response": f"{text * (1 + number)} {number}"}
        for number in range(5)
        for text in HOSTILE
    ]
    rows += [{"prompt": f"question {number}", "response": "answer"} for number in range(40)]
    options = ScanOptions(threshold=0.4, detector=request.param)
    gradsentry.scan(rows, model=tiny, out=tmp_path / "out", options=options)
    return (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_text_from_the_data_never_becomes_markup(report: str) -> None:
    tags = Tags()
    tags.feed(report)
    assert "script" not in tags.names
    assert "img" not in tags.names
    assert tags.names.count("h1") == 1
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert not [name for name, _ in tags.attributes if name in ("src", "href")]
    assert "&lt;" in report
    assert "{{ 7 * 7 }}" in report
    for character in "\x1b\x07\x00\u202e\u2066\u200b\ufeff":
        assert character not in report


def test_nothing_can_be_loaded_or_run(report: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', report)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


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
    assert sum(int(title.replace(",", "")) for title in titles) == 80


def test_bars_never_straddle_the_threshold(report: str) -> None:
    spans = re.findall(r"rows from ([\d.]+) to ([\d.]+)", report)
    assert all(not float(low) < 0.4 < float(high) for low, high in spans)


def test_the_most_suspicious_rows_come_first(tiny: LanguageModel, tmp_path: Path) -> None:
    rows = [{"prompt": f"q{n}", "response": "word " * n + str(n)} for n in range(60)]
    result = gradsentry.scan(rows, model=tiny, out=tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text()
    shown = re.findall(r'<td class="number" title="[^"]*">(\d+)</td>', text)
    by_score = np.argsort(-result.scores, kind="stable")[:TOP_ROWS]
    assert [int(row) for row in shown] == by_score.tolist()


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


@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("threshold", [0.0, 1.0, None])
@pytest.mark.parametrize("detector", ["transfer", "spectral"])
def test_none_all_or_a_single_row_may_be_flagged(
    tiny: LanguageModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    count: int,
    threshold: float | None,
    detector: str,
) -> None:
    rows = [{"prompt": f"question {n % 9}", "response": f"answer {n}"} for n in range(count)]
    options = ScanOptions(detector=detector, threshold=threshold)
    result = gradsentry.scan(rows, model=tiny, out=tmp_path / "out", options=options)
    print_verdict(result, tmp_path / "out")
    shown = capsys.readouterr().out
    assert f"{count:,} of {count:,} rows scored" in shown
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert sum(map(int, re.findall(r"<title>(\d+) rows from", text))) == count
    if threshold is not None:
        assert int(result.flagged.sum()) == (0 if threshold else int((result.scores > 0).sum()))


HOSTILE_NAME = "\x1b[31m\u202e<b>[bold]x"


def test_names_are_shown_as_text(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = LanguageModel.wrap(
        tiny_model("llama", torch.float32), tokenizer, name=HOSTILE_NAME, revision=HOSTILE_NAME
    )
    data = tmp_path / f"{HOSTILE_NAME.replace('/', '')}.jsonl"
    row = {HOSTILE_NAME: "why?", f"{HOSTILE_NAME}2": "because"}
    data.write_text(f"{json.dumps(row)}\n" * 3, encoding="utf-8")
    columns = DataOptions(prompt_column=HOSTILE_NAME, response_column=f"{HOSTILE_NAME}2")
    out = tmp_path / f"{HOSTILE_NAME} out"
    with showing_progress() as progress:
        result = gradsentry.scan(
            data, model=model, out=out, options=ScanOptions(data=columns), progress=progress
        )
        progress.stage(HOSTILE_NAME, 3, HOSTILE_NAME)
        progress.note(HOSTILE_NAME)
    print_verdict(result, out)
    shown = capsys.readouterr()
    report = (out / "report.html").read_text(encoding="utf-8")
    for text in (shown.out, shown.err, report):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\\u001b[31m\\u202e" in text
    assert "<b>" not in report


def test_progress_says_what_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_progress() as progress:
        progress.stage("Weighing", None, "patterns")
        progress.stage("Scoring", 3)
        progress.stage("Asking", 1000, "prompts")
    assert capsys.readouterr().err.splitlines() == [
        "Weighing ...",
        "Scoring 3 rows ...",
        "Asking 1,000 prompts ...",
    ]


def test_words_that_occur_together_are_told_from_with() -> None:
    assert together(("mind", "with", 'a"b')) == '"mind" with "with" with "a\\"b"'
    assert together(("\u202e",)) == '"\\u202e"'
