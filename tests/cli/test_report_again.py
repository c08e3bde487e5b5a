"""`report`: results that are there, without a model."""

from __future__ import annotations

import json
from pathlib import Path

from tests.test_cli import Gradsentry


def test_the_verdict_is_printed_again(gradsentry: Gradsentry, results: Path) -> None:
    done = gradsentry("report", results)
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"{results}/report.html" in done.stdout
    assert "scored rows" in done.stdout.splitlines()[-1]


def test_another_threshold_is_shown_and_saved_elsewhere(
    gradsentry: Gradsentry, results: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    shown = gradsentry("report", results, "--threshold", 0.5)
    assert "above the threshold 0.5000 (given)" in shown.stdout
    assert "Nothing was written" in shown.stdout
    other = tmp_path / "other"
    saved = gradsentry("report", results, "--threshold", 0.5, "--out", other)
    assert saved.returncode == 0, saved.stderr
    assert json.loads((other / "summary.json").read_text())["threshold"] == 0.5
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before
    again = gradsentry("report", results, "--out", other)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert gradsentry("report", results, "--out", other, "--force").returncode == 0


def test_a_build_may_fail_on_results_that_are_there(gradsentry: Gradsentry, results: Path) -> None:
    failing = ("report", results, "--threshold", 0, "--fail-on", "poison")
    done = gradsentry(*failing)
    assert done.returncode == 10
    assert "Failed: " in done.stderr
    assert gradsentry(*failing, "--allow-flagged", "100%").returncode == 0


def test_it_says_less_or_more(gradsentry: Gradsentry, results: Path) -> None:
    quiet = gradsentry("report", results, "-q").stdout
    assert len(quiet.splitlines()) == 1
    assert "scored rows" in quiet
    assert "Versions:" not in gradsentry("report", results).stdout
    assert "Versions:" in gradsentry("report", results, "-v").stdout
    assert gradsentry("report", results, "-q", "-v").returncode == 2


def test_errors_of_report_are_in_the_terms_of_the_command_line(
    gradsentry: Gradsentry, results: Path, data: Path, tmp_path: Path
) -> None:
    done = gradsentry("report", results, "--force")
    assert done.returncode == 2
    assert "--force is for --out" in done.stderr
    moved = data.rename(tmp_path / "moved.jsonl")
    done = gradsentry("report", results, "--out", tmp_path / "x")
    assert done.returncode == 2
    assert "Name the data with --data" in done.stderr
    done = gradsentry("report", results, "--out", tmp_path / "x", "--data", moved)
    assert done.returncode == 0, done.stderr
