"""`report` and `diff`: results that are there, without a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_cli import ROWS, Gradsentry


@pytest.fixture
def results(gradsentry: Gradsentry, data: Path, tiny_folder: Path) -> Path:
    out = data.parent / "results"
    done = gradsentry("scan", data, "-m", tiny_folder, "--detector", "length", "-o", out)
    assert done.returncode == 0, done.stderr
    return out


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


def test_a_grown_data_set_is_compared_with_what_it_was(
    gradsentry: Gradsentry, results: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    grown = tmp_path / "grown.jsonl"
    rows = [*ROWS, {"prompt": "Q: ", "response": "no " * 99, "poisoned": 1}]
    grown.write_text("".join(json.dumps(row) + "\n" for row in rows))
    scan = ("scan", grown, "-m", tiny_folder, "--detector", "length")
    gradsentry(*scan, "-o", tmp_path / "new")
    done = gradsentry("diff", results, tmp_path / "new")
    assert done.returncode == 0
    assert "Rows: 40 the same, 1 added, 0 removed, 0 changed in their place." in done.stdout
    assert "aren't comparable" not in done.stdout
    assert "(line 41)" in done.stdout.splitlines()[-1]
    found = json.loads(gradsentry("diff", results, tmp_path / "new", "--format", "json").stdout)
    assert found["rows"]["added"] == [40]
    assert 40 in found["new_poison"]
    failing = gradsentry("diff", results, tmp_path / "new", "--fail-on", "new-poison")
    assert failing.returncode == 10


def test_scans_with_other_settings_are_said_to_be_incomparable(
    gradsentry: Gradsentry, results: Path, tmp_path: Path
) -> None:
    gradsentry("report", results, "--threshold", 1, "--out", tmp_path / "other")
    done = gradsentry("diff", results, tmp_path / "other", "--fail-on", "new-review")
    assert "aren't comparable" in done.stdout.splitlines()[0]
    assert "- threshold: none before, 1.0 now" in done.stdout
    assert done.returncode == 13
    assert gradsentry("diff", results, results, "--fail-on", "new-review").returncode == 0


def test_what_is_no_result_is_a_clear_error(gradsentry: Gradsentry, results: Path) -> None:
    done = gradsentry("diff", results, results.parent)
    assert done.returncode == 2
    assert str(results.parent) in done.stderr
    assert "Traceback" not in done.stderr
