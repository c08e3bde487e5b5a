"""Rows with what a scan says of them, for code and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsentry.detectors import NO_GROUP, Verdict
from gradsentry.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

    from gradsentry.report.scan_report import ScanReport

SKIPPED = "skipped"
"""The verdict on rows without a score."""


@dataclass(frozen=True)
class FlaggedRow:
    """A row that was flagged."""

    row: int
    """Position in the data, from 0."""
    location: str
    """Where a person finds it."""
    score: float
    group: int | None
    """Number of its group, from 1; None outside of groups."""
    trigger: str | None
    """The words in its prompt that call the payload."""
    payload: str | None
    fields: Mapping[str, object]
    """The row itself, column name to value. Somebody may have poisoned it: escape its texts."""


def iterate_flagged(report: ScanReport) -> Iterator[FlaggedRow]:
    """The flagged rows, in order; reads the data once."""
    columns = row_columns(report)
    for record in report.source.records():
        row = record.row
        if report.flagged[row]:
            yield FlaggedRow(
                row,
                str(record.location),
                float(report.scores[row]),
                columns["group"][row],
                columns["trigger"][row],
                columns["payload"][row],
                record.fields,
            )


def row_columns(report: ScanReport) -> dict[str, list[Any]]:
    """What the scan says of every row, by column, in order; None where it says nothing.

    A verdict is `poison`, `review`, `none` or `skipped`.
    """
    count, found = len(report.scores), report.findings
    groups = np.full(count, NO_GROUP) if found is None else found.rows.groups
    nothing = [None] * count
    return {
        "score": [None if np.isnan(score) else float(score) for score in report.scores],
        "verdict": row_verdicts(report),
        "group": [None if group == NO_GROUP else int(group) + 1 for group in groups],
        "trigger": nothing if found is None else list(found.rows.triggers),
        "payload": nothing if found is None else list(found.rows.payloads),
    }


def row_verdicts(report: ScanReport) -> list[str]:
    """The verdict on every row."""
    verdicts = np.full(len(report.scores), str(Verdict.NONE), dtype=object)
    verdicts[report.review] = str(Verdict.REVIEW)
    verdicts[report.flagged] = str(Verdict.POISON)
    verdicts[~report.rows.scored] = SKIPPED
    return list(verdicts)


def data_frame(report: ScanReport) -> DataFrame:
    """A line for every row: where it stands, and what the scan says of it.

    **Raises:**

    `InputError` if pandas isn't installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise InputError(
            "A data frame needs the package pandas.",
            "Install it with: pip install 'gradsentry[pandas]'.",
        ) from None
    origins = report.rows.origins
    columns: dict[str, Any] = {
        "path": [origins.paths[code] for code in origins.path_of],
        "line": pd.array(
            [None if line < 0 else int(line) for line in origins.lines], dtype="Int64"
        ),
        **row_columns(report),
    }
    columns["group"] = pd.array(columns["group"], dtype="Int64")
    columns["reason"] = report.rows.reasons
    return pd.DataFrame(columns, index=pd.RangeIndex(len(report.scores), name="row"))
