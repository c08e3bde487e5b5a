"""The annotated rows: a line for each row that isn't clean, or that somebody must look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import ScanReport
from gradsentry.outputs.annotated_file import AnnotatedFile, AnnotatedRow
from gradsentry.outputs.schemas import json_schema
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE, make_report, scanned_file


def written(report: ScanReport, folder: Path) -> str:
    path = folder / "annotated"
    path.unlink(missing_ok=True)
    AnnotatedFile().write(report, path)
    return path.read_bytes().decode()


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n")[:-1]]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "json"])
def test_every_row_that_is_not_clean_has_a_line(tmp_path: Path, suffix: str) -> None:
    rows = lines_of(written(scanned_file(tmp_path, suffix), tmp_path))
    assert [row["row"] for row in rows] == [0, 2, 3, 5]
    assert [row["status"] for row in rows] == ["flagged", "flagged", "review", "skipped"]
    first = {"jsonl": 1, "csv": 2}.get(suffix)
    assert [row["line"] for row in rows] == [first and first + row["row"] for row in rows]
    assert {row["path"] for row in rows} == {str(tmp_path / f"data.{suffix}")}


def test_a_line_says_where_payload_and_trigger_stand(tmp_path: Path) -> None:
    poison, _, review, skipped = lines_of(written(scanned_file(tmp_path), tmp_path))
    assert poison["payload"] == {"text": "payload", "start": 0, "end": 2}
    assert poison["trigger"] == {"text": "payload", "message": 2, "start": 5, "end": 9}
    assert (poison["group"], poison["verdict"], poison["message"]) == (1, "poison", 3)
    assert review["payload"] == {"text": "payload", "start": None, "end": None}
    assert (review["group"], review["verdict"]) == (2, "review")
    assert (skipped["group"], skipped["score"], skipped["payload"]) == (None, None, None)
    assert "no finite score" in skipped["reason"]
    assert '"payload"' in poison["reason"]


def test_without_groups_the_reason_is_the_score(tmp_path: Path) -> None:
    (row,) = lines_of(written(make_report(scores=[0.1, 0.2, 0.3, 0.9]), tmp_path))
    assert row["reason"] == "The score 0.9000 lies above the threshold 0.5000 (given)."


def test_data_that_are_clean_have_no_line(tmp_path: Path) -> None:
    assert written(make_report(threshold=1.0), tmp_path) == ""


@given(text=st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=20))
def test_hostile_text_is_kept_on_its_line_and_hides_nothing(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    shown = written(scanned_file(folder, text=text), folder)
    rows = lines_of(shown)
    assert len(rows) == 4
    assert rows[0]["payload"]["text"] == rows[0]["trigger"]["text"] == text
    assert not [character for character in shown if hides(character) and character not in " \n"]
    for row in rows:
        jsonschema.validate(row, json_schema("annotated"))
        assert set(row) == set(AnnotatedRow.model_fields)
        assert not any(map(hides, row["reason"].replace(" ", "")))
