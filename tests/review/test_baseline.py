"""The file of what people cleared: read as it was written, and nothing else."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import InputError
from gradsentry.review.baseline import (
    Baseline,
    KnownPattern,
    KnownRow,
    merge_pattern,
    merge_rows,
    read_baseline,
    without_pattern,
    without_rows,
    write_baseline,
)
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(HOSTILE)
PATTERNS = st.builds(
    KnownPattern,
    st.lists(st.lists(TEXTS, min_size=1, max_size=2).map(tuple), max_size=3).map(tuple),
    st.none() | TEXTS,
    st.lists(TEXTS, max_size=2).map(tuple),
    st.frozensets(TEXTS, max_size=3),
    *[TEXTS] * 3,
)
ROWS = st.builds(KnownRow, *[TEXTS] * 4)


def make(trigger: str = "zq", payload: str | None = "p", rows: str = "a") -> KnownPattern:
    return KnownPattern(((trigger,),), payload, ("v",), frozenset(rows), "note", "anna", "2026")


@given(st.lists(PATTERNS, max_size=3), st.lists(ROWS, max_size=3))
def test_a_baseline_comes_back_and_hides_nothing(
    patterns: list[KnownPattern], rows: list[KnownRow]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "baseline.json"
        write_baseline(path, Baseline(tuple(patterns), tuple(rows)))
        text = path.read_text(encoding="utf-8")
        assert not any(hides(character) for character in text if character not in " \n")
        found = read_baseline(path)
        assert {each.pattern for each in found.patterns} == {each.pattern for each in patterns}
        assert sorted(row.digest for row in found.rows) == sorted(row.digest for row in rows)
        write_baseline(path, found)
        assert path.read_text(encoding="utf-8") == text


def test_order_and_repetition_of_words_are_no_other_pattern() -> None:
    one = KnownPattern((("a", "b"), ("c",)), "p", (), frozenset(), "", "", "")
    other = KnownPattern((("c",), ("b", "a")), "p", ("x",), frozenset(), "", "", "")
    assert one.pattern == other.pattern
    apart = KnownPattern((("a",), ("b",), ("c",)), "p", (), frozenset(), "", "", "")
    assert one.pattern != apart.pattern


def test_other_texts_are_another_pattern() -> None:
    known = make()
    assert make(payload="p ").pattern != known.pattern
    assert make(payload=None).pattern != known.pattern
    assert make(trigger="Zq").pattern != known.pattern


def test_a_pattern_that_is_known_gets_more_rows() -> None:
    found = merge_pattern(merge_pattern(Baseline(), make(rows="ab")), make(rows="bc"))
    assert [each.rows for each in found.patterns] == [frozenset("abc")]
    assert len(merge_pattern(found, make(payload="q")).patterns) == 2
    assert without_pattern(found, make().pattern).patterns == ()


def test_rows_are_forgotten_wherever_they_are() -> None:
    found = merge_rows(merge_pattern(Baseline(), make(rows="ab")), [KnownRow("a", "", "", "")])
    found = without_rows(found, frozenset("a"))
    assert found.rows == ()
    assert found.patterns[0].rows == frozenset("b")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        json.dumps({"gradsentry_baseline": 2, "patterns": [], "rows": []}).encode(),
        json.dumps({"gradsentry_baseline": 1, "patterns": [{}], "rows": []}).encode(),
        json.dumps({"gradsentry_baseline": 1, "patterns": [], "rows": ["a"]}).encode(),
    ],
)
def test_what_is_no_baseline_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.json").write_bytes(content)
    with pytest.raises(InputError, match=r"b\.json"):
        read_baseline(tmp_path / "b.json")


def test_a_file_that_is_too_large_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradsentry.review.baseline._MOST_BYTES", 20)
    (tmp_path / "b.json").write_bytes(b"x" * 21)
    with pytest.raises(InputError, match="too large"):
        read_baseline(tmp_path / "b.json")


def test_the_order_of_patterns_makes_no_other_bytes(tmp_path: Path) -> None:
    varying = replace(make(payload=None), variants=("a", "b"))
    patterns = (make(payload="p"), make(payload="q"), make(payload=None), varying)
    write_baseline(tmp_path / "one.json", Baseline(patterns))
    write_baseline(tmp_path / "two.json", Baseline(patterns[::-1]))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_baseline_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_baseline(tmp_path / "b.json")
