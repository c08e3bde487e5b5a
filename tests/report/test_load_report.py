"""Results that are read again: all that a scan says, and another threshold without the model."""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import gradsentry
from gradsentry import DataOptions, LanguageModel, ScanOptions
from gradsentry.registry import DETECTORS
from tests.detectors.transfer.test_transfer_scan import planted

LABELLED = ScanOptions(data=DataOptions(label_column="poisoned"))
OF_THE_RUN = ("seconds", "date")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*planted(), {"prompt": "a"}][:-1]))
    return path


def contents(folder: Path) -> dict[str, Any]:
    """A results folder, without what another run changes."""
    summary = json.loads((folder / "summary.json").read_text())
    for name in OF_THE_RUN:
        summary.pop(name)
    files: dict[str, Any] = {
        "summary.json": summary,
        "scores": pq.read_table(folder / "scores.parquet"),
    }
    for path in folder.iterdir():
        if path.name not in (*files, "SHA256SUMS"):
            files[path.name] = re.sub(rb"<time>.*?</time>", b"", path.read_bytes())
    return files


@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS.own)
def test_another_threshold_is_as_another_scan(
    tiny: LanguageModel, data: Path, tmp_path: Path, detector: str
) -> None:
    names = ("first", "again", "other", "saved")
    first, again, other, saved = (tmp_path / name for name in names)
    given = {"model": tiny, "detector": detector, "options": LABELLED}
    report = gradsentry.scan(data, out=first, **given)  # type: ignore[arg-type]
    gradsentry.load(first).save(again)
    assert contents(again) == contents(first)
    threshold = float(np.nanmedian(report.scores))
    gradsentry.scan(data, out=other, threshold=threshold, **given)  # type: ignore[arg-type]
    gradsentry.load(first).rethreshold(threshold).save(saved)
    assert contents(saved) == contents(other)
    back = gradsentry.load(saved).rethreshold(None)
    assert back.threshold == report.threshold


def test_all_that_was_found_comes_back(tiny: LanguageModel, data: Path, tmp_path: Path) -> None:
    report = gradsentry.scan(data, model=tiny, options=LABELLED, out=tmp_path / "out")
    loaded = gradsentry.load(tmp_path / "out")
    assert report.groups
    assert loaded.groups == report.groups
    assert loaded.findings is not None
    assert report.findings is not None
    for own in fields(report.findings.rows):
        value = getattr(report.findings.rows, own.name)
        assert list(getattr(loaded.findings.rows, own.name)) == list(value)
    assert loaded.options == report.options
    assert loaded.scanned_with == report.scanned_with
    assert loaded.verdict is report.verdict
    assert loaded.identification == report.identification
    assert loaded.clean[:] == report.clean[:]


def test_rows_in_memory_are_given_again(tiny: LanguageModel, tmp_path: Path) -> None:
    rows = planted()
    report = gradsentry.scan(rows, model=tiny, detector="length", out=tmp_path / "out")
    loaded = gradsentry.load(tmp_path / "out")
    assert loaded.rethreshold(0.2).flagged.sum() == report.rethreshold(0.2).flagged.sum()
    with pytest.raises(gradsentry.InputError, match="data="):
        loaded.save(tmp_path / "other")
    assert not (tmp_path / "other").exists()
    gradsentry.load(tmp_path / "out", data=rows).save(tmp_path / "other")
    with pytest.raises(gradsentry.InputError, match="aren't the rows"):
        gradsentry.load(tmp_path / "out", data=rows[1:]).save(tmp_path / "fewer")


def test_data_that_changed_are_refused(tiny: LanguageModel, data: Path, tmp_path: Path) -> None:
    gradsentry.scan(data, model=tiny, detector="length", options=LABELLED, out=tmp_path / "out")
    data.write_text(data.read_text().replace("Tell", "Told"))
    with pytest.raises(gradsentry.InputError, match="aren't the rows"):
        gradsentry.load(tmp_path / "out").save(tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("summary.json", "{"),
        ("summary.json", "[]"),
        ("summary.json", '{"schema_version": 1}'),
        ("summary.json", '{"schema_version": 99}'),
        ("config.yaml", "detector: !!python/object/apply:os.system [true]"),
        ("config.yaml", "a: [" * 5000),
        ("scores.parquet", "PAR1"),
    ],
)
def test_what_is_no_result_is_refused_by_name(
    tiny: LanguageModel, tmp_path: Path, file: str, content: str
) -> None:
    gradsentry.scan(planted()[:20], model=tiny, detector="length", out=tmp_path / "out")
    (tmp_path / "out" / file).write_text(content)
    with pytest.raises(gradsentry.InputError):
        gradsentry.load(tmp_path / "out")


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(gradsentry.InputError, match=r"summary\.json|no such"):
            gradsentry.load(folder)


def test_rows_in_another_order_are_refused(tiny: LanguageModel, data: Path, tmp_path: Path) -> None:
    gradsentry.scan(data, model=tiny, detector="length", options=LABELLED, out=tmp_path / "out")
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    for other in (rows[::-1], rows[:-1], [*rows, rows[0]]):
        with pytest.raises(gradsentry.InputError, match="aren't the rows"):
            _ = gradsentry.load(tmp_path / "out", data=other).clean
    assert len(gradsentry.load(tmp_path / "out", data=rows).clean) > 0
    data.write_text("".join(reversed(data.read_text().splitlines(keepends=True))))
    with pytest.raises(gradsentry.InputError, match="aren't the rows"):
        _ = gradsentry.load(tmp_path / "out").clean


def scanned_beside_its_data(tiny: LanguageModel, root: Path, files: list[str]) -> int:
    """Scans files of a project into its folder `runs/out`; gives the number of rows."""
    for number, name in enumerate(files):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        rows = [{"prompt": f"q {number} {n}", "response": f"a {n}"} for n in range(5)]
        (root / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "runs").mkdir()
    paths = [root / name for name in files]
    gradsentry.scan(paths, model=tiny, detector="length", out=root / "runs" / "out")
    return 5 * len(files)


@pytest.mark.parametrize(
    "files", [["data.jsonl"], ["data/a.jsonl"], ["data/a.jsonl", "data/b.jsonl"]]
)
def test_data_and_results_may_move_together(
    tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str]
) -> None:
    rows = scanned_beside_its_data(tiny, tmp_path / "project", files)
    (tmp_path / "elsewhere").mkdir()
    moved = (tmp_path / "project").rename(tmp_path / "elsewhere" / "project")
    monkeypatch.chdir(moved / "runs")
    loaded = gradsentry.load("out")
    assert len(loaded.clean) + int(loaded.flagged.sum()) == rows
    loaded.save(tmp_path / "again")
    assert len(gradsentry.load(tmp_path / "again").clean) == len(loaded.clean)


def test_moved_data_that_changed_are_refused(tiny: LanguageModel, tmp_path: Path) -> None:
    scanned_beside_its_data(tiny, tmp_path / "project", ["data.jsonl"])
    moved = (tmp_path / "project").rename(tmp_path / "other")
    (moved / "data.jsonl").write_text((moved / "data.jsonl").read_text().replace("q 0 3", "q 0 4"))
    with pytest.raises(gradsentry.InputError, match=r"other/data\.jsonl, row 3.*aren't the rows"):
        _ = gradsentry.load(moved / "runs" / "out").clean


def test_data_that_are_nowhere_are_asked_for(tiny: LanguageModel, tmp_path: Path) -> None:
    scanned_beside_its_data(tiny, tmp_path / "project", ["data/a.jsonl", "data/b.jsonl"])
    moved = (tmp_path / "project").rename(tmp_path / "other")
    (moved / "data" / "b.jsonl").unlink()
    with pytest.raises(gradsentry.InputError, match="data="):
        _ = gradsentry.load(moved / "runs" / "out").clean


def test_results_do_not_replace_data_that_moved_with_them(
    tiny: LanguageModel, tmp_path: Path
) -> None:
    scanned_beside_its_data(tiny, tmp_path / "project", ["data/a.jsonl"])
    moved = (tmp_path / "project").rename(tmp_path / "other")
    with pytest.raises(gradsentry.OutputError):
        gradsentry.load(moved / "runs" / "out").save(moved / "data", force=True)
    assert (moved / "data" / "a.jsonl").exists()


def test_a_split_is_found_again(tiny: LanguageModel, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lines = [json.dumps({"prompt": f"q {n}", "response": f"a {n}"}) + "\n" for n in range(9)]
    (tmp_path / "data" / "train.jsonl").write_text("".join(lines))
    (tmp_path / "data" / "test.jsonl").write_text("".join(lines[:2]))
    options = ScanOptions(data=DataOptions(split="train"))
    gradsentry.scan(
        tmp_path / "data", model=tiny, detector="length", options=options, out=tmp_path / "out"
    )
    assert len(gradsentry.load(tmp_path / "out").clean) == 9


def test_a_decision_stays_what_it_was(tiny: LanguageModel, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    gradsentry.scan(data, model=tiny, detector="perplexity", options=LABELLED, out=out)
    summary = json.loads((out / "summary.json").read_text())
    summary["threshold"] = 0.123
    (out / "summary.json").write_text(json.dumps(summary))
    assert gradsentry.load(out).threshold.value == 0.123


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tiny: LanguageModel, tmp_path: Path) -> None:
    gradsentry.scan(planted()[:20], model=tiny, detector="length", out=tmp_path / "out")
    (tmp_path / "out" / "summary.json").unlink()
    os.mkfifo(tmp_path / "out" / "summary.json")
    with pytest.raises(gradsentry.InputError, match="pipe"):
        gradsentry.load(tmp_path / "out")
