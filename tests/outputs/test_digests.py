"""Digests of data and results: of every form that data may have, and refused where they changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from gradsentry import InputError, ScanReport, Verdict, verify_results
from gradsentry.outputs.digests import (
    digest_data_files,
    file_sha256,
    model_digest,
    rows_digest,
    scan_uuid,
)
from tests.outputs.reports import make_findings, make_report, report_on
from tests.report.loading import loadable

ROWS = [{"prompt": f"question {number}", "response": f"answer {number}"} for number in range(6)]


def shards(folder: Path) -> list[str]:
    paths = []
    for number in range(2):
        path = folder / f"part-{number}.jsonl"
        own = ROWS[number::2]
        path.write_text("".join(json.dumps(row) + "\n" for row in own))
        paths.append(str(path))
    return paths


def parquet(folder: Path) -> str:
    Dataset.from_list(ROWS).to_parquet(folder / "data.parquet")
    return str(folder / "data.parquet")


def saved(folder: Path) -> str:
    Dataset.from_list(ROWS).save_to_disk(folder / "saved")
    return str(folder / "saved")


FORMS = [shards, parquet, saved]


def report_of(data: object) -> ScanReport:
    findings = make_findings(6, [Verdict.POISON, Verdict.REVIEW], [0, -1, 0, 1, -1, -1])
    return loadable(report_on(data, [0.9, 0.1, 0.8, 0.4, 0.2, float("nan")], findings))


@pytest.mark.parametrize("make", FORMS)
def test_files_of_every_form_are_verified(make: Callable[[Path], object], tmp_path: Path) -> None:
    report = report_of(make(tmp_path))
    report.save(tmp_path / "out", also=["all"])
    found = verify_results(tmp_path / "out")
    assert found.data_files == len(digest_data_files(report)) > 0
    assert found.rows == 6


@pytest.mark.parametrize("make", FORMS)
def test_one_byte_of_any_data_file_is_noticed(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    data = make(tmp_path)
    report_of(data).save(tmp_path / "out")
    paths = [Path(name) for name in (data if isinstance(data, list) else [data])]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    for file in files:
        before = file.read_bytes()
        file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        with pytest.raises(InputError) as refused:
            verify_results(tmp_path / "out")
        assert file.name in refused.value.problem
        file.write_bytes(before)
    verify_results(tmp_path / "out")


def test_a_file_among_those_of_a_part_is_noticed(tmp_path: Path) -> None:
    report_of(saved(tmp_path)).save(tmp_path / "out")
    assert (tmp_path / "out" / "review").is_dir()
    (tmp_path / "out" / "clean" / "more.arrow").write_bytes(b"x")
    with pytest.raises(InputError, match=r"clean/more\.arrow was added"):
        verify_results(tmp_path / "out")


def test_data_that_change_while_results_are_written_are_refused(tmp_path: Path) -> None:
    report = report_of(parquet(tmp_path))
    Dataset.from_list(ROWS[::-1]).to_parquet(tmp_path / "data.parquet")
    with pytest.raises(InputError, match="changed during the scan"):
        digest_data_files(report)


def test_rows_in_memory_have_a_digest_and_no_files() -> None:
    report = make_report()
    assert digest_data_files(report) == []
    assert (
        rows_digest(report) == hashlib.sha256(np.arange(64, dtype=np.uint8).tobytes()).hexdigest()
    )


@pytest.mark.parametrize(
    ("revision", "kinds"),
    [
        ("gguf-sha256:" + "a" * 64, {"sha256"}),
        ("sha256:" + "a" * 64, {"files-sha256"}),
        ("parameters-sha256:" + "a" * 64, {"parameters-sha256"}),
        ("main", set()),
        ("sha256:" + "A" * 64, set()),
        ("0123456789abcdef0123456789abcdef01234567", set()),
    ],
)
def test_a_revision_says_of_what_it_is_a_digest(revision: str, kinds: set[str]) -> None:
    assert set(model_digest(revision)) == kinds


def test_a_file_is_digested_as_others_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    with pytest.raises(InputError, match="no such file"):
        file_sha256(tmp_path / "none")


def test_scans_that_differ_have_other_names() -> None:
    one = scan_uuid(make_report())
    assert scan_uuid(make_report()) == one
    assert scan_uuid(make_report(name="other")) != one
    assert scan_uuid(make_report(threshold=0.6)) != one
