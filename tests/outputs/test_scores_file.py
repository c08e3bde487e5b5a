"""The table of scores: a line a row, with one schema whatever a scan finds."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import Verdict
from gradsentry.outputs import scores_file
from gradsentry.outputs.scores_file import ScoresFile, scores_table
from gradsentry.report.scores_schema import SCORES_SCHEMA
from tests.outputs.reports import HOSTILE, make_findings, make_report

PAGE = Path(__file__).parents[2] / "docs" / "outputs.md"
SCORES = [0.1, math.nan, 0.9, 0.6, math.nan]
OF_ROWS = [1, -1, 0, 1, -1]
ALL = slice(None)
FOUND_COLUMNS = SCORES_SCHEMA.names[
    SCORES_SCHEMA.names.index("group") : SCORES_SCHEMA.names.index("trigger_end") + 1
]


@pytest.mark.parametrize("labels", [None, [True, False, True, False, True]])
@pytest.mark.parametrize("finds_groups", [False, True])
def test_the_file_has_one_schema_and_a_line_for_every_row(
    tmp_path: Path, labels: list[bool] | None, finds_groups: bool
) -> None:
    findings = make_findings(5, [Verdict.POISON, Verdict.REVIEW], OF_ROWS) if finds_groups else None
    report = make_report("abcde", SCORES, labels=labels, findings=findings)
    ScoresFile().write(report, tmp_path / "scores")
    table = pq.read_table(tmp_path / "scores")
    assert table.schema == SCORES_SCHEMA
    assert table["row"].to_pylist() == list(range(5))
    assert table["label"].to_pylist() == (labels or [None] * 5)
    assert table["target_tokens"].to_pylist() == report.rows.target_tokens.tolist()
    assert table["truncated"].to_pylist() == report.rows.truncated.tolist()


def test_written_a_few_rows_at_a_time_the_file_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = make_findings(5, [Verdict.POISON, Verdict.REVIEW], OF_ROWS)
    report = make_report("abcde", SCORES, findings=findings)
    monkeypatch.setattr(scores_file, "_ROWS_AT_ONCE", 2)
    ScoresFile().write(report, tmp_path / "scores")
    assert pq.read_table(tmp_path / "scores").equals(scores_table(report, ALL))


def test_skipped_rows_have_a_reason_in_place_of_a_score() -> None:
    table = scores_table(make_report("abcde", SCORES), ALL)
    assert table["score"].to_pylist() == [0.1, None, 0.9, 0.6, None]
    assert table["status"].to_pylist() == ["scored", "skipped", "scored", "scored", "skipped"]
    reasons = table["reason"].to_pylist()
    assert [reason is None for reason in reasons] == [True, False, True, True, False]
    assert table["flagged"].to_pylist() == [False, False, True, True, False]


def test_rows_are_found_again_by_their_file_and_line() -> None:
    report = make_report("abcde", SCORES)
    table = scores_table(report, ALL)
    assert table["path"].to_pylist() == ["data.jsonl", "other.jsonl"] * 2 + ["data.jsonl"]
    assert table["line"].to_pylist() == [0, 1, None, 3, 4]
    digests = [bytes.fromhex(digest) for digest in table["digest"].to_pylist()]
    assert digests == [digest.tobytes() for digest in report.rows.origins.digests]


def test_only_rows_of_groups_say_what_was_found_in_them() -> None:
    findings = make_findings(5, [Verdict.POISON, Verdict.REVIEW], OF_ROWS)
    found = scores_table(make_report("abcde", SCORES, findings=findings), ALL).select(FOUND_COLUMNS)
    lines = [list(line.values()) for line in found.to_pylist()]
    nothing = [None] * len(FOUND_COLUMNS)
    assert lines == [
        [2, "review", 3, "payload", 0, 2, "trigger", 2, 5, 9],
        nothing,
        [1, "poison", 3, "payload", 0, 2, "trigger", 2, 5, 9],
        [2, "review", None, "payload", None, None, "trigger", None, None, None],
        nothing,
    ]
    alone = scores_table(make_report("abcde", SCORES), ALL).select(FOUND_COLUMNS)
    assert [list(line.values()) for line in alone.to_pylist()] == [nothing] * 5


@given(st.sampled_from(HOSTILE) | st.text(min_size=1))
def test_texts_are_kept_to_the_letter(text: str) -> None:
    findings = make_findings(5, [Verdict.POISON] * 2, OF_ROWS, payload=text, trigger=text)
    table = scores_table(make_report("abcde", SCORES, findings=findings, path=text), ALL)
    for column in ("payload", "trigger"):
        assert table[column].to_pylist() == [text, None, text, text, None]
    assert table["path"][0].as_py() == text


def test_bytes_in_names_that_are_no_text_become_escapes(tmp_path: Path) -> None:
    name = b"caf\xe9.jsonl".decode("utf-8", "surrogateescape")
    ScoresFile().write(make_report(path=name), tmp_path / "scores")
    assert pq.read_table(tmp_path / "scores")["path"][0].as_py() == "caf\\udce9.jsonl"


def test_the_page_lists_the_columns() -> None:
    section = PAGE.read_text().split("## `scores.parquet`")[1].split("\n## ")[0]
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert re.findall("`([a-z_]+)`", "".join(first)) == SCORES_SCHEMA.names
