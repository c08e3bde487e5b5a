"""Decisions become results: rows go where people put them, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import gradsentry
from gradsentry import InputError, OutputError, ScanReport, Verdict, apply_decisions, verify_results
from gradsentry.report.file_names import APPLIED_FILE
from gradsentry.report.rulings import Ruling
from gradsentry.review.baseline import (
    Baseline,
    KnownRow,
    locked_baseline,
    read_baseline,
    write_baseline,
)
from gradsentry.review.decision_log import DECISIONS_FILE
from gradsentry.review.decisions import Choice, Subject
from tests.review.deciding import decide
from tests.review.results import POISON, REVIEW, make_rows, write_rows


def rows_of(folder: Path, part: str) -> list[dict[str, str]]:
    name = json.loads((folder / "summary.json").read_text())["files"][part]
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_cleared_group_is_clean(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.GROUP, 0, Choice.CLEARED, "the template of our shop")
    report = apply_decisions(results, tmp_path / "out")
    assert report.verdict is Verdict.REVIEW  # of the other group
    assert rows_of(tmp_path / "out", "clean") == make_rows()
    assert rows_of(tmp_path / "out", "flagged") == []
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["flagged"] == 0
    assert summary["rulings"]["cleared_rows"] == len(POISON)
    assert summary["rulings"]["reviewers"] == ["anna"]
    [group] = summary["rulings"]["groups"]
    assert group["note"] == "the template of our shop"
    assert pq.read_table(tmp_path / "out" / "scores.parquet")["ruling"].to_pylist() == [
        "cleared" if row in POISON else None for row in range(12)
    ]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "the template of our shop" in page
    assert "anna" in page


def test_a_confirmed_group_for_review_is_flagged(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.GROUP, 1, Choice.CONFIRMED)
    apply_decisions(results, tmp_path / "out")
    rows = make_rows()
    assert rows_of(tmp_path / "out", "flagged") == [rows[n] for n in (*POISON, *REVIEW)]


def test_a_row_stands_above_its_group(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.ROW, 1, Choice.CONFIRMED)
    decide(results, Subject.GROUP, 0, Choice.CLEARED)
    decide(results, Subject.ROW, 11, Choice.CONFIRMED, "seen by eye")
    decide(results, Subject.ROW, 3, Choice.CONFIRMED)
    decide(results, Subject.ROW, 3, Choice.WITHDRAWN)
    apply_decisions(results, tmp_path / "out")
    rows = make_rows()
    assert rows_of(tmp_path / "out", "flagged") == [rows[1], rows[11]]


def test_the_same_decisions_give_the_same_bytes(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED, "poison \u202e <b>")
    decide(results, Subject.ROW, 5, Choice.CLEARED)
    before = contents(results)
    for name in ("one", "two"):
        apply_decisions(results, tmp_path / name, baseline=tmp_path / f"{name}.json")
    apply_decisions(results, tmp_path / "two", baseline=tmp_path / "two.json", force=True)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert contents(results) == before
    assert (tmp_path / "one" / APPLIED_FILE).read_bytes() == before[DECISIONS_FILE]


def test_results_of_decisions_are_read_again_and_decided_again(
    results: Path, tmp_path: Path
) -> None:
    decide(results, Subject.GROUP, 0, Choice.CLEARED)
    report = apply_decisions(results, tmp_path / "out")
    loaded = gradsentry.load(tmp_path / "out")
    assert loaded.rulings is not None
    assert loaded.rulings.count(Ruling.CLEARED) == 4
    assert (loaded.flagged == report.flagged).all()
    assert loaded.summary() == report.summary() | {"files": loaded.summary()["files"]}
    assert not loaded.rethreshold(0.0).flagged[list(POISON)].any()
    decide(tmp_path / "out", Subject.ROW, 0, Choice.CONFIRMED, reviewer="ben")
    again = apply_decisions(tmp_path / "out", tmp_path / "again")
    assert again.flagged.nonzero()[0].tolist() == [0]
    assert again.rulings is not None
    assert again.rulings.reviewers == ("anna", "ben")


def test_the_statement_is_about_the_applied_decisions(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.GROUP, 0, Choice.CLEARED)
    apply_decisions(results, tmp_path / "out")
    verify_results(tmp_path / "out")
    applied = tmp_path / "out" / APPLIED_FILE
    assert APPLIED_FILE in (tmp_path / "out" / "SHA256SUMS").read_text()
    text = applied.read_text()
    applied.write_text(text.replace("cleared", "Cleared"))
    with pytest.raises(InputError, match=f"{APPLIED_FILE} was changed"):
        verify_results(tmp_path / "out")
    (results / APPLIED_FILE).write_text(text)
    with pytest.raises(InputError, match=f"{APPLIED_FILE} was added"):
        verify_results(results)


def test_nothing_decided_is_an_error(results: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is decided"):
        apply_decisions(results, tmp_path / "out")
    decide(results, Subject.ROW, 1, Choice.CLEARED)
    decide(results, Subject.ROW, 1, Choice.WITHDRAWN)
    with pytest.raises(InputError, match="nothing is decided"):
        apply_decisions(results, tmp_path / "out")


def test_a_changed_input_is_refused(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED)
    rows = make_rows()
    rows[9]["response"] = "Changed."
    write_rows(tmp_path / "data.jsonl", rows)
    with pytest.raises(InputError, match=r"row 9.*aren't the rows that were scanned"):
        apply_decisions(results, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["summary.json", "scores.parquet", "config.yaml", "report.html"])
def test_a_changed_report_is_refused(results: Path, tmp_path: Path, name: str) -> None:
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED)
    content = bytearray((results / name).read_bytes())
    content[len(content) // 2] ^= 1
    (results / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: the file was changed"):
        apply_decisions(results, tmp_path / "out")


def test_decisions_about_another_scan_are_refused(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED)
    other = tmp_path / "other"
    gradsentry.load(results).rethreshold(0.3).save(other)
    (other / DECISIONS_FILE).write_bytes((results / DECISIONS_FILE).read_bytes())
    with pytest.raises(InputError, match="other results"):
        apply_decisions(other, tmp_path / "out")


def test_a_decision_about_another_group_is_refused(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED)
    path = results / DECISIONS_FILE
    path.write_text(path.read_text().replace('"number": 1', '"number": 2'))
    with pytest.raises(InputError, match="line 2: the group isn't what it was"):
        apply_decisions(results, tmp_path / "out")


def test_decisions_are_never_replaced(results: Path, tmp_path: Path) -> None:
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED)
    before = contents(results)
    with pytest.raises(OutputError, match=r"decisions\.jsonl was added"):
        gradsentry.load(results).rethreshold(0.3).save(results, force=True)
    for out in (results, tmp_path):
        with pytest.raises(OutputError):
            apply_decisions(results, out, force=True)
    assert contents(results) == before


def test_a_baseline_grows_and_forgets_what_is_confirmed(results: Path, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    decide(results, Subject.GROUP, 0, Choice.CLEARED, "ours")
    decide(results, Subject.ROW, 2, Choice.CONFIRMED)
    decide(results, Subject.ROW, 9, Choice.CLEARED, "read it")
    apply_decisions(results, tmp_path / "one", baseline=path)
    known = read_baseline(path)
    [pattern] = known.patterns
    assert (pattern.note, pattern.reviewer, len(pattern.rows)) == ("ours", "anna", 3)
    assert [row.note for row in known.rows] == ["read it"]
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED)
    decide(results, Subject.GROUP, 1, Choice.CLEARED)
    apply_decisions(results, tmp_path / "two", baseline=path)
    known = read_baseline(path)
    assert [each.trigger for each in known.patterns] == [(("hello",),)]


def test_a_confirmed_group_takes_its_rows_out_of_the_baseline(
    results: Path, tmp_path: Path
) -> None:
    path = tmp_path / "baseline.json"
    for row in (1, 2, 9):
        decide(results, Subject.ROW, row, Choice.CLEARED, f"row {row}")
    apply_decisions(results, tmp_path / "one", baseline=path)
    decide(results, Subject.ROW, 1, Choice.WITHDRAWN)
    decide(results, Subject.GROUP, 0, Choice.CONFIRMED)
    apply_decisions(results, tmp_path / "two", baseline=path)
    assert {row.note for row in read_baseline(path).rows} == {"row 2", "row 9"}


def test_what_others_add_to_a_baseline_meanwhile_stays(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "baseline.json"
    decide(results, Subject.ROW, 9, Choice.CLEARED, "ours")
    write = ScanReport.write

    def write_slowly(report: ScanReport, folder: Path) -> ScanReport:
        write_baseline(path, Baseline(rows=(KnownRow("00", "theirs", "ben", "2026"),)))
        return write(report, folder)

    monkeypatch.setattr(ScanReport, "write", write_slowly)
    apply_decisions(results, tmp_path / "one", baseline=path)
    assert {row.note for row in read_baseline(path).rows} == {"ours", "theirs"}


def test_one_process_at_a_time_writes_a_baseline(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "baseline.json"
    decide(results, Subject.ROW, 9, Choice.CLEARED)
    monkeypatch.setattr("gradsentry.review.baseline._WAIT_SECONDS", 0.01)
    with (
        locked_baseline(path),
        pytest.raises(OutputError, match=r"baseline\.json: another process is writing"),
    ):
        apply_decisions(results, tmp_path / "one", baseline=path)
    assert not path.exists()
    apply_decisions(results, tmp_path / "one", baseline=path)
    assert path.exists()


@pytest.mark.parametrize("content", ["", "{}", "[]", "x" * 9, '{"gradsentry_baseline": 1}'])
def test_a_file_that_is_no_baseline_is_left_alone(
    results: Path, tmp_path: Path, content: str
) -> None:
    decide(results, Subject.GROUP, 0, Choice.CLEARED)
    path = tmp_path / "notes.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"notes\.json"):
        apply_decisions(results, tmp_path / "out", baseline=path)
    assert path.read_text() == content
    assert not (tmp_path / "out").exists()
