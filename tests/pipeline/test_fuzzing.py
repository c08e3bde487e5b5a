"""Rows of any columns are scored, skipped with a reason, or refused; `fuzzing` tries many more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

from tests.pipeline.fuzzing import check, rows, ways_to_encode


def test_rows_of_any_columns_are_accounted_for(tmp_path: Path) -> None:
    ways = ways_to_encode()
    said = Counter(
        check(rows(Random(f"suite-{number}")), ways[number % len(ways)], tmp_path)
        for number in range(1000)
    )
    assert said["encoded"] > 200
    assert said["refused"] > 200
