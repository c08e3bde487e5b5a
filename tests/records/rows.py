"""Rows and masks, as the tests of this package compare them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gradsentry.records import BoolArray, Source
from gradsentry.records.files import open_files


def open_file(path: Path) -> Source:
    """The source of one file."""
    return open_files([path], str(path))


def rows_of(source: Source) -> list[dict[str, object]]:
    """All rows of a source, after a check that they are numbered in order."""
    records = list(source.records())
    assert [record.row for record in records] == list(range(len(records)))
    return [dict(record.fields) for record in records]


def mask_of(count: int, rows: Iterable[int]) -> BoolArray:
    """The mask (count,) that is true at the given rows."""
    mask = np.zeros(count, dtype=bool)
    mask[list(rows)] = True
    return mask
