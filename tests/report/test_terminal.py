"""The terminal: names that direct nothing, and a verdict for any number of rows."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

import gradsentry
from gradsentry import DataOptions, LanguageModel, ScanOptions
from gradsentry.report import terminal
from gradsentry.report.advice import limits
from gradsentry.report.terminal import Piped, Verbosity, print_verdict, showing_progress
from gradsentry.report.verdict import coverage, headline
from tests.outputs.found import pairs_report
from tests.outputs.reports import make_report
from tests.tiny_models import tiny_model


def test_a_reader_who_has_left_is_no_exit_code_of_ours() -> None:
    class Left(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Piped(file=Left()).print("x")


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


@pytest.mark.parametrize("verbosity", list(Verbosity))
def test_the_verdict_is_the_last_line(
    capsys: pytest.CaptureFixture[str], verbosity: Verbosity
) -> None:
    report = make_report()
    print_verdict(report, "results", verbosity)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == headline(report)
    assert (lines == [headline(report)]) is (verbosity is Verbosity.QUIET)
    assert any("gradsentry 0.0" in line for line in lines) is (verbosity is Verbosity.VERBOSE)


def test_what_limits_this_scan_is_said_as_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    report = pairs_report(50)
    print_verdict(report, None, other_letters=0.4)
    shown = " ".join(capsys.readouterr().out.split())
    for limit in limits(report, 0.4):
        assert " ".join(limit.replace("`", "").split()) in shown
    assert "Small data" in shown
    assert "Language" in shown
    print_verdict(report, None)
    assert "Language" not in capsys.readouterr().out
    print_verdict(report, None, Verbosity.QUIET, 0.4)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_copies_and_rows_without_a_score_are_explained(tiny: LanguageModel) -> None:
    rows = [{"prompt": f"question {n % 3}", "response": "yes"} for n in range(8)]
    empty = [{"prompt": "why?", "response": ""}]
    facts = coverage(gradsentry.scan([*rows, *empty], model=tiny, detector="length"))
    assert any(fact.startswith("5 of 9 rows are copies of an earlier row") for fact in facts)
    assert "1 of 9 rows skipped, and kept out of the clean data: empty response (1)" in facts
    assert "1 of them hold nothing that a trainer with these settings would learn from" in facts


def test_a_long_step_says_how_long_it_will_still_take(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    with showing_progress(Verbosity.VERBOSE) as progress:
        progress.stage("Scoring", 100)
        now = 1010.0
        progress.advance(10)
    first, second, last = capsys.readouterr().err.splitlines()
    assert first == "Scoring 100 rows ..."
    assert re.fullmatch(
        r"Scoring: 10 of 100 rows, about 2 min left, step done \d\d:\d\d( tomorrow)?", second
    )
    assert last == "Scoring: took 10.0 s"


def test_quiet_progress_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_progress(Verbosity.QUIET) as progress:
        progress.note("Layout: x")
        progress.stage("Scoring", 100)
        progress.advance(10)
    assert capsys.readouterr().err == ""


def test_bars_say_when_a_step_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen, now = Screen(), 1000.0
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    with showing_progress() as progress:
        progress.stage("Scoring", 100)
        now = 1010.0
        progress.advance(10)
    assert "about 2 min left, step done" in screen.getvalue()
