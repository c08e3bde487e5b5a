"""`diff`: two scans beside each other."""

from __future__ import annotations

import json
from pathlib import Path

from tests.test_cli import ROWS, Gradsentry


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
    assert failing.stderr.endswith("Exit code 10, by --fail-on new-poison.\n")


def test_scans_with_other_settings_are_said_to_be_incomparable(
    gradsentry: Gradsentry, results: Path, tmp_path: Path
) -> None:
    gradsentry("report", results, "--threshold", 1, "--out", tmp_path / "other")
    done = gradsentry("diff", results, tmp_path / "other", "--fail-on", "new-review")
    assert "aren't comparable" in done.stdout.splitlines()[0]
    assert "- threshold: none before, 1.0 now" in done.stdout
    assert done.returncode == 13
    assert "Failed: not comparable: other settings, 1 of them." in done.stderr
    assert gradsentry("diff", results, results, "--fail-on", "new-review").returncode == 0


def test_what_is_no_result_is_a_clear_error(gradsentry: Gradsentry, results: Path) -> None:
    done = gradsentry("diff", results, results.parent)
    assert done.returncode == 2
    assert str(results.parent) in done.stderr
    assert "Traceback" not in done.stderr
