"""What people ruled about groups and rows: it stands above what a detector decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from gradsentry.detectors import Verdict
from gradsentry.records import BoolArray


class Ruling(StrEnum):
    """What holds for a group or a row because of a person."""

    CONFIRMED = "confirmed"
    """A person says that it is poison: it is flagged."""
    CLEARED = "cleared"
    """A person says that it is meant: it is clean."""
    ACCEPTED = "accepted"
    """A baseline knows it, content and pattern: it is clean."""
    NEW = "new"
    """It is in a group that a baseline accepts, and the baseline doesn't know its content: what the
    detector decided about it stands."""


RULINGS = tuple(Ruling)
"""What the codes of rows stand for."""
NOT_RULED = -1


def code_of(ruling: Ruling) -> int:
    """The code that stands for a ruling."""
    return RULINGS.index(ruling)


@dataclass(frozen=True)
class GroupRuling:
    """What a person ruled about a group."""

    ruling: Ruling
    reviewer: str
    time: str
    """In UTC, as ISO 8601 writes it."""
    note: str = ""
    new_rows: int = 0
    """Of an accepted group: rows that the baseline doesn't know."""

    @property
    def verdict(self) -> Verdict:
        """What the group is because of it."""
        return Verdict.POISON if self.ruling is Ruling.CONFIRMED else Verdict.NONE


@dataclass(frozen=True, eq=False)
class Rulings:
    """All that people ruled about the rows of a report."""

    rows: NDArray[np.int8]
    """Shape (rows,): index into `RULINGS`, or `NOT_RULED`."""
    groups: Mapping[int, GroupRuling]
    """By the group's index."""
    reviewers: tuple[str, ...]
    """Who ruled, by the alphabet."""
    first: str | None
    """When the first of them did, and `last` the last one."""
    last: str | None
    row_decisions: int = 0
    """Rows that were decided by themselves."""
    decisions_digest: str | None = None
    """SHA-256 of the decisions that were applied."""
    baseline_digest: str | None = None
    """SHA-256 of the baseline that was honoured."""

    def having(self, *rulings: Ruling) -> BoolArray:
        """Shape (rows,): rows with one of these rulings."""
        return np.isin(self.rows, [code_of(ruling) for ruling in rulings])

    def count(self, ruling: Ruling) -> int:
        """Rows with a ruling."""
        return int(self.having(ruling).sum())

    def flagged(self, flagged: BoolArray) -> BoolArray:
        """Shape (rows,): what is flagged, where the detector flags `flagged`."""
        return (flagged | self.having(Ruling.CONFIRMED)) & ~self._settled()

    def review(self, review: BoolArray) -> BoolArray:
        """Shape (rows,): what is for review, where the detector has `review`; the flagged rows are
        to be left out."""
        return review & ~self._settled()

    def _settled(self) -> BoolArray:
        """Shape (rows,): what is clean because of a person."""
        return self.having(Ruling.CLEARED, Ruling.ACCEPTED)

    def summary(self) -> dict[str, Any]:
        """The figures of `summary.json`."""
        return {
            **{f"{ruling}_rows": self.count(ruling) for ruling in Ruling},
            "row_decisions": self.row_decisions,
            "reviewers": list(self.reviewers),
            "first": self.first,
            "last": self.last,
            "decisions_sha256": self.decisions_digest,
            "baseline_sha256": self.baseline_digest,
            "groups": [
                {"group": index + 1, **_group_summary(ruling)}
                for index, ruling in sorted(self.groups.items())
            ],
        }

    def column(self, rows: slice) -> list[str | None]:
        """The ruling about some rows; None where there is none."""
        return [None if code == NOT_RULED else str(RULINGS[code]) for code in self.rows[rows]]


def _group_summary(ruling: GroupRuling) -> dict[str, Any]:
    return {
        "ruling": str(ruling.ruling),
        "reviewer": ruling.reviewer,
        "time": ruling.time,
        "note": ruling.note,
        "new_rows": ruling.new_rows,
    }


def overlay(lower: Rulings | None, upper: Rulings) -> Rulings:
    """Two lots of rulings about the same rows: the upper ones stand where both say something."""
    if lower is None:
        return upper
    times = [time for each in (lower, upper) for time in (each.first, each.last) if time]
    return replace(
        upper,
        rows=np.where(upper.rows == NOT_RULED, lower.rows, upper.rows).astype(np.int8),
        groups={**lower.groups, **upper.groups},
        reviewers=tuple(sorted({*lower.reviewers, *upper.reviewers})),
        first=min(times, default=None),
        last=max(times, default=None),
        row_decisions=lower.row_decisions + upper.row_decisions,
        decisions_digest=upper.decisions_digest or lower.decisions_digest,
        baseline_digest=upper.baseline_digest or lower.baseline_digest,
    )


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Group(_Document):
    group: int
    ruling: str
    reviewer: str
    time: str
    note: str
    new_rows: int


class RulingsDocument(_Document):
    """The rulings as `summary.json` has them."""

    row_decisions: int
    reviewers: list[str]
    first: str | None
    last: str | None
    decisions_sha256: str | None
    baseline_sha256: str | None
    groups: list[_Group]

    def rulings(self, column: Sequence[str | None]) -> Rulings:
        """The rulings, with those of `scores.parquet` about each row.

        **Raises:**

        `ValueError` for a word that is no ruling.
        """
        codes = [NOT_RULED if word is None else code_of(Ruling(word)) for word in column]
        return Rulings(
            rows=np.array(codes, np.int8),
            groups={
                each.group - 1: GroupRuling(
                    Ruling(each.ruling),
                    each.reviewer,
                    each.time,
                    each.note,
                    each.new_rows,
                )
                for each in self.groups
            },
            reviewers=tuple(self.reviewers),
            first=self.first,
            last=self.last,
            row_decisions=self.row_decisions,
            decisions_digest=self.decisions_sha256,
            baseline_digest=self.baseline_sha256,
        )
