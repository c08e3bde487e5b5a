"""Whether a scan found more than a build allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gradsentry.errors import OptionError
from gradsentry.report.scan_report import ScanReport


class FailOn(StrEnum):
    """What a build fails on, the least first; each fails on what stands before it, too.

    All but the first fail if no row could have been flagged, whatever it says: a check that can't
    fail must not pass."""

    NEVER = "never"
    POISON = "poison"
    """Rows are flagged."""
    UNJUDGED = "unjudged"
    """Rows that a trainer may learn from have no score."""
    REVIEW = "review"
    """Rows are up for review."""


@dataclass(frozen=True)
class Allowance:
    """How many rows there may be of a kind."""

    text: str
    """As it was written."""
    rows: Fraction
    """How many, or how many of each row that there is."""
    is_share: bool

    def exceeded(self, rows: int, of: int) -> bool:
        """Whether there are more rows than allowed among so many."""
        return rows > self.rows * (of if self.is_share else 1)


NO_ROWS = Allowance("0", Fraction(0), False)


def parse_allowance(option: str, text: str) -> Allowance:
    """A number of rows such as `10`, or a share such as `0.1%`.

    **Raises:**

    `OptionError` if it's neither.
    """
    found = re.fullmatch(r"([0-9]{1,18})|([0-9]{1,3}(?:\.[0-9]{1,18})?)%", text)
    if found is None or (found[2] and Fraction(found[2]) > 100):
        raise OptionError(
            f"`{option}` can't be {text!r}.",
            "Write a number of rows, such as 10, or a share of them, such as 0.1%.",
        )
    if found[2]:
        return Allowance(text, Fraction(found[2]) / 100, True)
    return Allowance(text, Fraction(found[1]), False)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a build lets pass."""

    fail_on: FailOn = FailOn.NEVER
    allow_flagged: Allowance = NO_ROWS
    """Of the scored rows."""
    allow_unjudged: Allowance = NO_ROWS
    """Of all rows."""


@dataclass(frozen=True)
class Failure:
    """Why a build fails."""

    kind: FailOn
    problem: str
    """In a sentence."""


def failures(report: ScanReport, gate: Gate) -> list[Failure]:
    """Why a build fails on a scan, the worst first; nothing if it passes."""
    if gate.fail_on is FailOn.NEVER:
        return []
    rows, scored = len(report.scores), int(report.rows.scored.sum())
    flagged, review = int(report.flagged.sum()), int(report.review.sum())
    found = []
    if gate.allow_flagged.exceeded(flagged, scored):
        problem = f"{flagged:,} of {scored:,} scored rows are flagged"
        found.append(Failure(FailOn.POISON, f"{problem}{_allowed(gate.allow_flagged)}."))
    if report.blind:
        problem = "no row could have been flagged, whatever it says."
        found.append(Failure(FailOn.UNJUDGED, problem))
    unjudged_fail = gate.fail_on in (FailOn.UNJUDGED, FailOn.REVIEW)
    if unjudged_fail and gate.allow_unjudged.exceeded(report.unjudged, rows):
        problem = (
            f"{report.unjudged:,} of {rows:,} rows have no score although a trainer may learn "
            "from them"
        )
        found.append(Failure(FailOn.UNJUDGED, f"{problem}{_allowed(gate.allow_unjudged)}."))
    if gate.fail_on is FailOn.REVIEW and review:
        problem = f"{review:,} of {scored:,} scored rows are up for review."
        found.append(Failure(FailOn.REVIEW, problem))
    return found


def passed_over(report: ScanReport, gate: Gate) -> list[str]:
    """What a person must look at all the same, on which a build doesn't fail: a sentence each."""
    review, unjudged, level = int(report.review.sum()), report.unjudged, gate.fail_on
    found = []
    if review and level in (FailOn.POISON, FailOn.UNJUDGED):
        found.append(
            f"{review:,} rows are for review, on which --fail-on {level} doesn't fail; --fail-on "
            "review does."
        )
    if unjudged and level is FailOn.POISON:
        found.append(
            f"{unjudged:,} rows have no score although a trainer may learn from them, on which "
            f"--fail-on {level} doesn't fail; --fail-on unjudged does."
        )
    return found


def _allowed(allowance: Allowance) -> str:
    return "" if allowance == NO_ROWS else f", and {allowance.text} may be"
