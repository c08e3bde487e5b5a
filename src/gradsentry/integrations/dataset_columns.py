"""A scan's scores and verdicts as columns of the data set."""

from __future__ import annotations

import numpy as np
from datasets import Dataset, Value

from gradsentry.errors import InputError
from gradsentry.records import open_source
from gradsentry.report import ScanReport
from gradsentry.report.row_frame import row_columns

_COLUMNS = {"score": "float64", "verdict": "string", "group": "int64"}


def add_scan_columns(dataset: Dataset, report: ScanReport) -> Dataset:
    """The data set that was scanned, with the columns `gradsentry_score`, `gradsentry_verdict` and
    `gradsentry_group`.

    Rows that were skipped have no score. A verdict is `poison`, `review`, `none` or `skipped`.

    **Raises:**

    `InputError` if the data set isn't the one that was scanned, or has such a column already.
    """
    taken = [f"gradsentry_{name}" for name in _COLUMNS if f"gradsentry_{name}" in dataset.features]
    if taken:
        raise InputError(
            f"The data set has a column {taken[0]} already.",
            "Remove it first: dataset.remove_columns(...).",
        )
    _check_rows(dataset, report)
    columns = row_columns(report)
    for name, kind in _COLUMNS.items():
        dataset = dataset.add_column(f"gradsentry_{name}", columns[name], feature=Value(kind))
    return dataset


def _check_rows(dataset: Dataset, report: ScanReport) -> None:
    digests = report.rows.origins.digests
    same = len(dataset) == len(digests) and all(
        record.digest == digest.tobytes()
        for record, digest in zip(open_source(dataset).records(), np.asarray(digests), strict=True)
    )
    if not same:
        raise InputError(
            "This data set isn't the one that was scanned.",
            "Give the data set as it was then, or scan this one.",
        )
