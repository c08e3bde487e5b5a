"""A look at data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradsentry.errors import InputError
from gradsentry.records import open_source, row_sample
from gradsentry.records.row_sample import Drawn, RowSample, take_sample

ROWS = [{"prompt": f"Q{number}", "response": "yes " * (number % 9)} for number in range(3_000)]
TEXT = "".join(json.dumps(row) + "\n" for row in ROWS)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data with more than a hundred rows are large."""
    monkeypatch.setattr(row_sample, "SMALL_ROWS", 100)
    monkeypatch.setattr(row_sample, "PLACES", 10)
    monkeypatch.setattr(row_sample, "ROWS_AT_A_PLACE", 5)


def rows_of(sample: RowSample) -> list[object]:
    return [record.fields for stretch in sample.stretches for record in stretch]


def sampled(path: Path) -> RowSample:
    return take_sample(open_source(path))


def test_small_data_are_read_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text(TEXT)
    sample = sampled(tmp_path / "data.jsonl")
    assert rows_of(sample) == ROWS
    assert (sample.drawn, sample.whole, sample.counts_rows) == (Drawn.ALL, 3_000, True)


def test_as_many_rows_as_are_small_are_small(tmp_path: Path, few: None) -> None:  # noqa: ARG001
    lines = TEXT.splitlines(keepends=True)
    for count, drawn in ((100, Drawn.ALL), (101, Drawn.SPREAD)):
        (tmp_path / "data.jsonl").write_text("".join(lines[:count]))
        assert sampled(tmp_path / "data.jsonl").drawn is drawn


def test_rows_come_from_all_over_several_files(tmp_path: Path, few: None) -> None:  # noqa: ARG001
    lines = TEXT.splitlines(keepends=True)
    for number, part in enumerate((lines[:500], lines[500:2_500], lines[2_500:])):
        (tmp_path / f"{number}.jsonl").write_text("".join(part))
    sample = sampled(tmp_path)
    places = [ROWS.index(row) for row in rows_of(sample)]  # type: ignore[arg-type]
    assert sample.drawn is Drawn.SPREAD
    assert len(places) == len(set(places)) == 50
    assert places == sorted(places)
    assert min(places) < 300
    assert max(places) > 2_700
    assert sample.whole == len(TEXT)
    estimated = sample.whole * len(places) / sum(map(sample.weight, sample.stretches))
    assert estimated == pytest.approx(3_000, rel=0.05)


def test_a_row_behind_a_place_that_is_none_is_told(tmp_path: Path, few: None) -> None:  # noqa: ARG001
    lines = TEXT.splitlines(keepends=True)
    (tmp_path / "data.jsonl").write_text("".join(lines[:1_000]) + "{broken\n" * 1_000)
    with pytest.raises(InputError, match=r"behind byte [\d,]+\), row 0.*not valid JSON"):
        sampled(tmp_path / "data.jsonl")
    (tmp_path / "data.jsonl").write_text("".join(lines[:1_000]) + "[1, 2]\n" * 2_000)
    with pytest.raises(InputError, match="an object with named columns is needed"):
        sampled(tmp_path / "data.jsonl")


def test_a_last_row_without_end_leaves_the_others(tmp_path: Path, few: None) -> None:  # noqa: ARG001
    tail = json.dumps({"prompt": "Q", "response": "x" * 10 * len(TEXT)})
    (tmp_path / "data.jsonl").write_text(TEXT + tail)
    sample = sampled(tmp_path / "data.jsonl")
    assert sample.drawn is Drawn.SPREAD
    assert rows_of(sample)


@pytest.mark.parametrize("suffix", ["jsonl.gz", "json", "csv"])
def test_of_files_without_places_the_first_rows_are_taken(
    suffix: str,
    tmp_path: Path,
    few: None,  # noqa: ARG001
) -> None:
    path = tmp_path / f"data.{suffix}"
    if suffix == "jsonl.gz":
        path.write_bytes(gzip.compress(TEXT.encode()))
    elif suffix == "json":
        path.write_text(json.dumps(ROWS, indent=0))
    else:
        path.write_text(
            "prompt,response\n" + "".join(f"{r['prompt']},{r['response']}\n" for r in ROWS)
        )
    sample = sampled(path)
    assert (sample.drawn, sample.counts_rows) == (Drawn.FIRST, False)
    assert len(rows_of(sample)) == 50
    estimated = sample.whole * 50 / sum(map(sample.weight, sample.stretches))
    assert estimated == pytest.approx(3_000, rel=0.15)


def test_parquet_says_how_many_rows_it_has(tmp_path: Path, few: None) -> None:  # noqa: ARG001
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "data.parquet")
    sample = sampled(tmp_path / "data.parquet")
    assert (sample.drawn, sample.whole, sample.counts_rows) == (Drawn.FIRST, 3_000, True)
