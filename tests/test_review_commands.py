"""The commands with which people decide, as processes see them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradsentry.review.decisions import Choice, Subject
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE
from tests.review.deciding import decide
from tests.review.results import PAYLOAD, make_results, make_rows, write_rows
from tests.review.serving import decide_and_leave, decision, hear_ctrl_c
from tests.test_cli import Gradsentry


@pytest.fixture
def gradsentry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradsentry:
    return Gradsentry(monkeypatch, capsys)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_review_prints_its_address_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    command = [sys.executable, "-m", "gradsentry", "review", str(results), "--reviewer", "anna"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    ) as one:
        out = decide_and_leave(one, decision("group", 1, "cleared", "ours"))
    assert one.returncode == 0
    assert f"gradsentry apply {results}" in out
    assert (results / "decisions.jsonl").exists()


def test_decisions_are_applied(gradsentry: Gradsentry, tmp_path: Path) -> None:
    results = make_results(tmp_path)
    done = gradsentry("apply", results, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "nothing is decided" in done.stderr
    decide(results, Subject.GROUP, 0, Choice.CLEARED, "ours \x1b[31m")
    known = tmp_path / "baseline.json"
    done = gradsentry("apply", results, "-o", tmp_path / "out", "--baseline", known)
    assert done.returncode == 0, done.stderr
    assert "A person decided (anna" in done.stdout
    assert "\x1b" not in done.stdout
    assert json.loads(known.read_text())["patterns"][0]["payload"] == PAYLOAD
    done = gradsentry("apply", results, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "--force" in done.stderr


def test_data_that_moved_are_named(gradsentry: Gradsentry, tmp_path: Path) -> None:
    results = make_results(tmp_path)
    decide(results, Subject.GROUP, 0, Choice.CLEARED)
    moved = (tmp_path / "data.jsonl").rename(tmp_path / "moved.jsonl")
    done = gradsentry("apply", results, "-o", tmp_path / "out")
    assert done.returncode == 2
    done = gradsentry("apply", results, "-o", tmp_path / "out", "--data", moved)
    assert done.returncode == 0, done.stderr


def test_a_row_is_explained(gradsentry: Gradsentry, tmp_path: Path) -> None:
    results = make_results(tmp_path)
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED, "phishing")
    done = gradsentry("explain", results, "--row", "2")
    assert done.returncode == 0, done.stderr
    for words in (
        "data.jsonl, row 2 (line 3)",
        "poison",
        "0.9000 (threshold 0.5000)",
        "Question 2? ⟪zq⟫",
        f"Answer 2.⟦{PAYLOAD}⟧",
        "Confirmed as poison with its group by anna",
        "phishing",
    ):
        assert words in done.stdout
    done = gradsentry("explain", results, "--row", "8")
    assert "clean" in done.stdout
    assert "Marked" not in done.stdout
    done = gradsentry("explain", results, "--row", "12")
    assert done.returncode == 2
    assert "no row 12" in done.stderr


@pytest.mark.parametrize("of_group", [Choice.CONFIRMED, Choice.CLEARED])
@pytest.mark.parametrize("own", [Choice.CONFIRMED, Choice.CLEARED])
@pytest.mark.parametrize("group", [0, 1])
def test_a_row_decided_by_itself_is_explained_with_its_group(
    gradsentry: Gradsentry, tmp_path: Path, own: Choice, of_group: Choice, group: int
) -> None:
    results, row = make_results(tmp_path), (2, 5)[group]
    decide(results, Subject.GROUP, group, of_group, "for the group")
    decide(results, Subject.ROW, row, own, "for the row", "bert")
    told = " ".join(gradsentry("explain", results, "--row", row).stdout.split())
    chosen = {Choice.CONFIRMED: "onfirmed as poison", Choice.CLEARED: "leared"}
    assert f"{chosen[own]} by itself by bert" in told
    assert "for the row" in told
    assert f"{chosen[of_group]}{', too' if own is of_group else ''} by anna" in told
    assert "for the group" in told
    assert ("holds: this row is" in told) == (own is not of_group)
    applied = gradsentry("apply", results, "-o", tmp_path / "out")
    assert applied.returncode == 0, applied.stderr
    told = " ".join(gradsentry("explain", tmp_path / "out", "--row", row).stdout.split())
    assert ("It is poison" if own is Choice.CONFIRMED else "It is clean") in told
    assert ("by itself, and that stands above its group" in told) == (own is not of_group)
    assert f"Verdict: {'poison' if own is Choice.CONFIRMED else 'clean'}" in told


def test_what_is_explained_directs_no_terminal(gradsentry: Gradsentry, tmp_path: Path) -> None:
    rows = make_rows()
    for row, text in enumerate(HOSTILE):
        rows[row] = {name: text + value for name, value in rows[row].items()}
    results = make_results(tmp_path, rows)
    for row in range(len(HOSTILE)):
        done = gradsentry("explain", results, "--row", row)
        assert done.returncode == 0, done.stderr
        assert not any(hides(character) for character in done.stdout if character not in " \n")
        assert "Traceback" not in done.stdout


def test_a_baseline_that_is_none_stops_a_scan_before_it_begins(
    gradsentry: Gradsentry, tmp_path: Path
) -> None:
    data = write_rows(tmp_path / "data.jsonl", make_rows())
    for path in (tmp_path / "nowhere.json", data):
        done = gradsentry("scan", data, "--baseline", path, "-m", tmp_path)
        assert done.returncode == 2
        assert str(path) in done.stderr
