"""Results: one JSON file a cell while a benchmark runs, and all of them as tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.bench.folder import replacing_result
from gradsentry.work.ownership import replacing, sealed_json, set_aside, unsealed_json
from gradsentry.work.progress import Progress

Result = dict[str, Any]


def write_result(path: Path, result: Result) -> None:
    """Write a result with its digest; the file appears when all is written.

    What lies there and is no result as we write it is kept under another name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(sealed_json(result), encoding="utf-8")
        if os.path.lexists(path) and unsealed_json(path) is None:
            set_aside(path)


def read_result(path: Path) -> Result | None:
    """A result; None if it isn't there, or isn't as it was written."""
    return unsealed_json(path)


def tell_if_damaged(path: Path, progress: Progress) -> None:
    """Say that a result which is there isn't as it was written, before it is measured again."""
    if os.path.lexists(path) and read_result(path) is None:
        progress.note(f"{path}: damaged or changed. It is measured again, and the file is kept.")


def write_tables(rows: Sequence[Result], markdown: str, out: Path) -> None:
    """Write `results.parquet` and `results.md` into a folder.

    **Arguments:**

    - `rows`: all cells, one a row of the Parquet file; those without a figure have a null there.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    with replacing_result(out, out / "results.parquet") as part:
        pq.write_table(table, part)
    with replacing_result(out, out / "results.md") as part:
        part.write_text(markdown, encoding="utf-8")
