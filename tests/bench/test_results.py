"""Results: nothing that was changed is read, and nothing of others is replaced."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow.parquet as pq

from gradsentry.bench.folder import kept_in
from gradsentry.bench.results import read_result, write_result, write_tables

RESULT = {"auroc": 0.75, "answers": ["yes", "ü"], "rows": 3, "threshold": None}


def test_a_result_with_any_byte_changed_is_none(tmp_path: Path) -> None:
    path, draw = tmp_path / "cells" / "a.json", random.Random(0)
    write_result(path, RESULT)
    whole = path.read_bytes()
    assert read_result(path) == RESULT
    for _ in range(200):
        place = draw.randrange(len(whole))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        assert read_result(path) is None
    path.write_bytes(whole[: len(whole) // 2])
    assert read_result(path) is None


def test_a_file_in_a_results_place_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "cells" / "a.json"
    write_result(path, RESULT)
    write_result(path, {**RESULT, "rows": 4})
    assert kept_in(tmp_path) == set()
    path.write_text('{"auroc": 1.0}')
    write_result(path, RESULT)
    assert read_result(path) == RESULT
    (kept,) = kept_in(tmp_path)
    assert kept.read_text() == '{"auroc": 1.0}'


def test_tables_hold_all_rows_with_all_their_figures(tmp_path: Path) -> None:
    rows = [{"detector": "length"}, {"detector": "onion", "rates": [0.5, 1.0]}]
    write_tables(rows, "# Results\n", tmp_path)
    assert pq.read_table(tmp_path / "results.parquet").to_pylist() == [
        {"detector": "length", "rates": None},
        rows[1],
    ]
    assert (tmp_path / "results.md").read_text() == "# Results\n"
