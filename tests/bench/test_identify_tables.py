"""What tables of detectors say."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from gradsentry.bench.identify_plan import read_identify_plan
from gradsentry.bench.identify_tables import markdown


def test_the_published_tables_are_made_from_the_published_figures() -> None:
    root = Path(__file__).parents[2]
    plan = read_identify_plan(root / "benchmarks" / "identify.yaml")
    folder = root / "docs" / "benchmarks"
    rows = pq.read_table(folder / "results.parquet").to_pylist()
    assert len(rows) == len(plan.cells())
    assert markdown(plan, rows) == (folder / "results.md").read_text(encoding="utf-8")
