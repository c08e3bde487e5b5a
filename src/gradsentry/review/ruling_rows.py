"""What decisions mean for rows: that about a row stands above that about its group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors import NO_GROUP
from gradsentry.report import ScanReport
from gradsentry.report.rulings import NOT_RULED, GroupRuling, Ruling, Rulings, code_of
from gradsentry.review.decisions import Choice, Decision, Subject

_RULINGS = {Choice.CONFIRMED: Ruling.CONFIRMED, Choice.CLEARED: Ruling.CLEARED}


class HeldDecisions:
    """The decisions that hold, and what they make of each row.

    One more costs as much as the rows that it is about, however many there are already.
    """

    def __init__(self, report: ScanReport, decisions: Iterable[Decision] = ()) -> None:
        rows = len(report.scores)
        found = report.findings
        self._groups = np.full(rows, NO_GROUP) if found is None else found.rows.groups
        scored = np.flatnonzero(report.rows.scored)
        self._members = scored[np.argsort(self._groups[scored], kind="stable")]
        numbers = np.arange(len(report.groups) + 1)
        self._starts = np.searchsorted(self._groups[self._members], numbers).tolist()
        self._own = np.full(rows, NOT_RULED, np.int8)
        self._held: dict[tuple[Subject, int], Decision] = {}
        self.codes: NDArray[np.int8] = np.full(rows, NOT_RULED, np.int8)
        """Shape (rows,): index into `RULINGS`, or `NOT_RULED`."""
        for decision in decisions:
            self.add(decision)

    def add(self, decision: Decision) -> None:
        """Have a decision hold instead of that before it about the same."""
        if decision.choice is Choice.WITHDRAWN:
            self._held.pop(decision.key, None)
        else:
            self._held[decision.key] = decision
        subject, index = decision.key
        if subject is Subject.GROUP:
            members = self._members[self._starts[index] : self._starts[index + 1]]
            own = self._own[members]
            self.codes[members] = np.where(own == NOT_RULED, self._code(subject, index), own)
        else:
            self._own[index] = code = self._code(subject, index)
            of_group = self._code(Subject.GROUP, int(self._groups[index]))
            self.codes[index] = of_group if code == NOT_RULED else code

    def about_group(self, index: int) -> Decision | None:
        """What holds about a group."""
        return self._held.get((Subject.GROUP, index))

    def about_row(self, row: int) -> Decision | None:
        """What holds about a row by itself."""
        return self._held.get((Subject.ROW, row))

    def about_group_of(self, row: int) -> Decision | None:
        """What holds about the group of a row."""
        return self.about_group(int(self._groups[row]))

    def by_themselves(self) -> NDArray[np.bool_]:
        """Shape (rows,): the rows about which a decision of their own holds."""
        return np.not_equal(self._own, NOT_RULED)

    def decided_groups(self) -> int:
        """How many groups are decided."""
        return sum(subject is Subject.GROUP for subject, _ in self._held)

    def rulings(self) -> Rulings:
        """What holds, as a report has it."""
        held = list(self._held.values())
        groups = [each for each in held if each.subject is Subject.GROUP]
        times = [each.time for each in held]
        return Rulings(
            rows=self.codes.copy(),
            groups={
                each.index: GroupRuling(_RULINGS[each.choice], each.reviewer, each.time, each.note)
                for each in sorted(groups, key=lambda each: each.index)
            },
            reviewers=tuple(sorted({each.reviewer for each in held})),
            first=min(times, default=None),
            last=max(times, default=None),
            row_decisions=len(held) - len(groups),
        )

    def _code(self, subject: Subject, index: int) -> int:
        held = self._held.get((subject, index))
        return NOT_RULED if held is None else code_of(_RULINGS[held.choice])


def rulings_of(report: ScanReport, decisions: Iterable[Decision]) -> Rulings:
    """What holds because of decisions, whichever of them were withdrawn."""
    return HeldDecisions(report, decisions).rulings()
