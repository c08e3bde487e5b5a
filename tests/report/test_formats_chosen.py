"""Which files a results folder gets: some always, others where they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradsentry import OptionError
from gradsentry.report.file_names import STATEMENT_FILE
from gradsentry.report.formats_chosen import load_formats
from tests.outputs.reports import make_report, scanned_file

ALWAYS = {
    *("scores.parquet", "summary.json", "config.yaml", "report.html"),
    *("annotated.jsonl", "statement.intoto.json"),
}
ASKED = {"results.sarif", "junit.xml", "bom.cdx.json", "spdx.json", "croissant.json"}
ADDED = """
import gradsentry
class Added(gradsentry.Format):
    file_name = "added.txt"
    def write(self, report, path):
        path.write_text("x")
"""


def names(*also: str) -> set[str]:
    return {form.file_name for form in load_formats(also)}


def test_some_are_written_always_and_others_on_demand() -> None:
    assert names() == ALWAYS
    assert names("sarif") == ALWAYS | {"results.sarif"}
    assert names("all") == ALWAYS | ASKED
    assert names("scores") == ALWAYS


def test_what_speaks_of_the_others_is_written_last() -> None:
    assert load_formats()[-1].file_name == STATEMENT_FILE


@pytest.mark.parametrize("also", ["sarf", "", "ALL"])
def test_an_unknown_name_is_told_before_anything_is_written(tmp_path: Path, also: str) -> None:
    with pytest.raises(OptionError, match="`format` can't be"):
        make_report().save(tmp_path / "out", also=[also])
    assert not (tmp_path / "out").exists()


def test_formats_of_other_packages_are_written_always(
    install: Callable[..., None],
) -> None:
    install("gradsentry.formats", "added", "added_format:Added", ADDED)
    assert names() == ALWAYS | {"added.txt"}
    assert load_formats()[-1].file_name == STATEMENT_FILE


def test_a_folder_has_the_files_that_were_asked_for(tmp_path: Path) -> None:
    scanned_file(tmp_path).save(tmp_path / "out", also=["sarif", "junit"])
    there = {path.name for path in (tmp_path / "out").iterdir()}
    parts = {f"{part}.jsonl" for part in ("clean", "flagged", "review", "skipped")}
    assert there == ALWAYS | parts | {"results.sarif", "junit.xml", "SHA256SUMS"}


def test_rows_for_review_are_in_two_files_and_all_others_in_one(tmp_path: Path) -> None:
    report = scanned_file(tmp_path)
    report.save(tmp_path / "out")
    lines = {
        part: (tmp_path / "out" / f"{part}.jsonl").read_text().splitlines()
        for part in ("clean", "flagged", "review", "skipped")
    }
    whole = (tmp_path / "data.jsonl").read_text().splitlines()
    assert lines["review"] == [whole[3]]
    assert set(lines["review"]) <= set(lines["clean"])
    split = [*lines["clean"], *lines["flagged"], *lines["skipped"]]
    assert sorted(split) == sorted(whole)


def test_without_rows_for_review_there_is_no_file_of_them(tmp_path: Path) -> None:
    make_report().save(tmp_path / "out")
    assert not list((tmp_path / "out").glob("review*"))
