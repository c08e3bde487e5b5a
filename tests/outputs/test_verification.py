"""Verification: whatever byte of the results or the data changes, it's refused by name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

import gradsentry
from gradsentry import DataOptions, InputError, verify_results
from gradsentry.records.open_data import open_data
from tests.outputs.reports import report_on, scanned_file
from tests.report.loading import loadable


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    loadable(scanned_file(tmp_path)).save(folder, also=["all"])
    return folder


def flip(path: Path) -> None:
    """Change one bit of the last byte but one."""
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def test_results_as_they_were_written_are_verified(out: Path) -> None:
    found = verify_results(out)
    assert (found.outputs, found.data_files, found.rows) == (len(list(out.iterdir())) - 2, 1, 6)
    assert found.verdict == "poison"


def test_one_byte_of_any_output_is_noticed(out: Path) -> None:
    names = [path.name for path in out.iterdir() if path.name not in ("SHA256SUMS",)]
    for name in names:
        before = (out / name).read_bytes()
        flip(out / name)
        with pytest.raises(InputError) as refused:
            verify_results(out)
        assert name in refused.value.problem
        (out / name).write_bytes(before)
    verify_results(out)


def test_one_byte_of_the_data_is_noticed(out: Path, tmp_path: Path) -> None:
    flip(tmp_path / "data.jsonl")
    with pytest.raises(InputError, match=r"data\.jsonl was changed"):
        verify_results(out)


def test_missing_files_and_links_are_noticed(out: Path, tmp_path: Path) -> None:
    (out / "clean.jsonl").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"clean\.jsonl is missing"):
        verify_results(out)
    (out / "clean.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"clean\.jsonl was changed"):
        verify_results(out)


def test_data_that_are_gone_must_be_named(out: Path, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").rename(tmp_path / "moved.jsonl")
    with pytest.raises(InputError, match="aren't where they were"):
        verify_results(out)
    assert verify_results(out, tmp_path / "moved.jsonl").data_files == 1


def test_a_signature_beside_the_results_is_no_change(out: Path) -> None:
    (out / "statement.sig").write_text("x")
    assert verify_results(out).rows == 6


def test_rows_in_memory_are_compared_one_by_one(tmp_path: Path) -> None:
    rows = [{"prompt": text, "response": text} for text in ("one", "two", "three", "four")]
    out = tmp_path / "out"
    loadable(report_on(rows, [0.1, 0.2, 0.6, 0.9])).save(out)
    assert verify_results(out, rows).data_files == 0
    with pytest.raises(InputError, match="Name the data"):
        verify_results(out)
    with pytest.raises(InputError, match="aren't the rows"):
        verify_results(out, [*rows[:3], rows[0]])


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """Results on two files of one name, the second of which alone has flagged rows."""
    for number, folder in enumerate(("de", "en")):
        (tmp_path / "in" / folder).mkdir(parents=True)
        rows = [{"prompt": f"{number}{row}", "response": "r"} for row in range(3)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "in" / folder / "part-0.jsonl").write_text(lines)
    names = [str(tmp_path / "in" / folder / "part-0.jsonl") for folder in ("de", "en")]
    source, layout, _ = open_data(names, DataOptions())
    report = loadable(report_on([record.fields for record in source.records()], SCORES))
    report = replace(report, source=source, layout=layout)
    report.save(tmp_path / "out", also=["all"])
    return tmp_path / "out"


SCORES = [0.1, 0.2, 0.3, 0.4, 0.8, 0.9]


def test_parts_in_several_files_are_verified_one_by_one(sharded: Path) -> None:
    said = json.loads((sharded / "statement.intoto.json").read_text())
    assert [file["name"] for file in said["predicate"]["data"]["files"]] == [
        "de/part-0.jsonl",
        "en/part-0.jsonl",
    ]
    parts = {subject["name"] for subject in said["subject"] if "/" in subject["name"]}
    assert parts == {"clean/de/part-0.jsonl", "clean/en/part-0.jsonl", "flagged/en/part-0.jsonl"}
    assert verify_results(sharded).data_files == 2
    for name in ("clean.jsonl", "flagged.jsonl"):  # one file for all of them is none of ours
        assert not (sharded / name).exists()
    flip(sharded / "clean/de/part-0.jsonl")
    with pytest.raises(InputError, match=r"clean/de/part-0\.jsonl was changed"):
        verify_results(sharded)


@pytest.mark.parametrize(
    "name", ["clean/more.jsonl", "flagged/de/part-0.jsonl", "review/part-0.jsonl", "skipped/x/y"]
)
def test_a_file_that_was_added_to_a_part_is_noticed(sharded: Path, name: str) -> None:
    """Whoever reads the folder would read it, too, even where the part had no rows."""
    (sharded / name).parent.mkdir(parents=True, exist_ok=True)
    (sharded / name).write_text("{}\n")
    with pytest.raises(InputError, match=f"{name} was added"):
        verify_results(sharded)


def test_such_results_are_written_again_alike(sharded: Path, tmp_path: Path) -> None:
    again = gradsentry.load(sharded).rethreshold(0.25)
    again.save(tmp_path / "again")
    names = sorted(path.parent.name for path in (tmp_path / "again").rglob("part-0.jsonl"))
    assert names == ["de", "de", "en"]  # of "en" no row is clean
    assert json.loads((tmp_path / "again/summary.json").read_text())["files"] == {
        "clean": "clean",
        "flagged": "flagged",
    }
    (tmp_path / "in").rename(tmp_path / "moved")
    with pytest.raises(InputError, match="aren't where they were"):
        verify_results(sharded)
    assert verify_results(sharded, f"{tmp_path}/moved/**/*.jsonl").rows == 6


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"_type": "x"}', "\x00", "[" * 9999])
def test_what_is_no_statement_is_refused(out: Path, content: str) -> None:
    (out / "statement.intoto.json").write_text(content)
    with pytest.raises(InputError, match="no statement about a scan"):
        verify_results(out)


@pytest.mark.parametrize(
    ("field", "claimed"),
    [("verdict", "none"), ("flagged", 0), ("review", 9), ("threshold", 0.99), ("scored", 1)],
)
def test_a_statement_that_claims_another_result_is_refused(
    out: Path, field: str, claimed: object
) -> None:
    said = json.loads((out / "statement.intoto.json").read_text())
    said["predicate"]["result"][field] = claimed
    (out / "statement.intoto.json").write_text(json.dumps(said))
    with pytest.raises(InputError, match=f"for {field}, and summary.json says"):
        verify_results(out)


def test_a_summary_that_the_scores_do_not_bear_out_is_refused(out: Path) -> None:
    """Whoever can write a statement about it can change the summary, too; the scores tell."""
    summary = json.loads((out / "summary.json").read_text())
    (out / "summary.json").write_text(json.dumps({**summary, "verdict": "none"}))
    said = json.loads((out / "statement.intoto.json").read_text())
    said["predicate"]["result"]["verdict"] = "none"
    for subject in said["subject"]:
        if subject["name"] == "summary.json":
            content = (out / "summary.json").read_bytes()
            subject["digest"]["sha256"] = hashlib.sha256(content).hexdigest()
    (out / "statement.intoto.json").write_text(json.dumps(said))
    with pytest.raises(InputError, match=r"scores\.parquet says 'poison'"):
        verify_results(out)


@pytest.mark.parametrize("name", ["summary.json", "scores.parquet", "config.yaml"])
def test_a_statement_must_be_about_what_the_verdict_is_read_from(out: Path, name: str) -> None:
    said = json.loads((out / "statement.intoto.json").read_text())
    said["subject"] = [each for each in said["subject"] if each["name"] != name]
    (out / "statement.intoto.json").write_text(json.dumps(said))
    with pytest.raises(InputError, match=f"isn't about {name}"):
        verify_results(out)


@pytest.mark.parametrize("name", ["../data.jsonl", "/etc/hostname", "", ".", "a/../clean.jsonl"])
def test_a_statement_leads_nowhere_else(out: Path, name: str) -> None:
    said = json.loads((out / "statement.intoto.json").read_text())
    said["subject"].append({"name": name, "digest": {"sha256": "0" * 64}})
    (out / "statement.intoto.json").write_text(json.dumps(said))
    with pytest.raises(InputError, match="is missing"):
        verify_results(out)


def test_a_folder_without_a_statement_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InputError, match="no such file"):
            gradsentry.verify_results(folder)
