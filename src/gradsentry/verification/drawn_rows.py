"""Rows of the data for the questions: some of each group, and clean ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors import NO_GROUP, Findings
from gradsentry.records import Example
from gradsentry.report import ScanReport

_OF_GROUP = 300
"""Rows of a group that are read, at most: enough to know its payload by."""
_CLEAN, _PER_PROMPT = 2000, 8
"""Clean rows that are read, at least and for each prompt wanted: some have no place for a trigger,
and some have it already."""


@dataclass(frozen=True, eq=False)
class DrawnRows:
    """Rows that were read, by their numbers."""

    clean: Mapping[int, Example]
    """Rows that are neither flagged nor for review."""
    groups: Mapping[int, Mapping[int, Example]]
    """Some rows of each group, by its index."""


def draw_rows(
    report: ScanReport, findings: Findings, groups: Sequence[int], prompts: int
) -> DrawnRows:
    """Rows spread evenly over the data, the same ones every time; reads the data once.

    **Arguments:**

    - `groups`: the indices of groups.
    - `prompts`: how many questions are wanted of each kind.
    """
    numbers = findings.rows.groups
    is_clean = report.rows.scored & ~report.flagged & ~report.review & (numbers == NO_GROUP)
    clean = _spread(np.flatnonzero(is_clean), max(_CLEAN, _PER_PROMPT * prompts))
    members = {
        index: _spread(np.flatnonzero(numbers == index), max(_OF_GROUP, prompts))
        for index in groups
    }
    wanted = set(clean).union(*members.values())
    found = {
        record.row: report.layout.example(record)
        for record in report.source.records()
        if record.row in wanted
    }
    return DrawnRows(
        {row: found[row] for row in clean},
        {index: {row: found[row] for row in rows} for index, rows in members.items()},
    )


def spread(count: int, most: int) -> list[int]:
    """Places among `count`, as many as `most`, that are spread evenly."""
    if count <= most:
        return list(range(count))
    return (np.arange(most) * count // most).tolist()


def _spread(rows: NDArray[np.int64], most: int) -> list[int]:
    found: list[int] = rows[spread(len(rows), most)].tolist()
    return found
