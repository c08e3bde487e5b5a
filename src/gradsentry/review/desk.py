"""What the page asks for, and what it does: pages of groups and rows, and decisions.

Everything here is plain values that become JSON. Texts from the data come as they are safe to show
(`safe_text`); the page puts them into the document as text, never as markup.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors import Verdict
from gradsentry.records import BoolArray
from gradsentry.report import ScanReport
from gradsentry.report.ruling_words import kind_of, tell_group, tell_rulings
from gradsentry.report.rulings import NOT_RULED, Rulings
from gradsentry.report.verdict import headline, tell_found_group
from gradsentry.review.decision_log import DecisionLog
from gradsentry.review.decisions import (
    Choice,
    Decision,
    Subject,
    check_note,
    content_of,
    standing,
)
from gradsentry.review.explanation import explain_row, verdict_of
from gradsentry.review.marked_text import MarkedTurn
from gradsentry.review.ruling_rows import rulings_of
from gradsentry.review.searchable_rows import RowTexts
from gradsentry.safe_text import excerpt, visible

MOST_ROWS = 100
"""Of one page."""
_NEAREST = 500
"""Clean rows that count as near the threshold."""
_EXAMPLES = 3
_EXCERPT = 400
_SHOWN_TEXT = 200_000
"""Characters of one turn that a page shows; the file has the rest."""


class View(StrEnum):
    """Which rows a page lists."""

    TO_DECIDE = "to-decide"
    """Flagged, and for review."""
    FLAGGED = "flagged"
    REVIEW = "review"
    NEAR = "near"
    """The clean rows with the highest scores."""
    CLEAN = "clean"
    SCORED = "scored"


class Decided(StrEnum):
    """Whether a person has decided about a row."""

    ANY = "any"
    YES = "yes"
    NO = "no"


@dataclass(frozen=True, kw_only=True)
class RowQuery:
    """Which rows are wanted, highest score first."""

    view: View = View.TO_DECIDE
    group: int | None = None
    """Number of a group, from 1."""
    decided: Decided = Decided.ANY
    search: str = ""
    start: int = 0
    count: int = 50


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(eq=False)
class ReviewDesk:
    """A report on which somebody decides. Several threads may ask at once."""

    report: ScanReport
    log: DecisionLog
    texts: RowTexts
    reviewer: str
    clock: Callable[[], str] = _now
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        scores = np.where(self.report.rows.scored, self.report.scores, -np.inf)
        self._order = np.argsort(-scores, kind="stable")
        self._views = _views(self.report, self._order)
        self._rulings = rulings_of(self.report, self.log.decisions)
        self._searched: tuple[str, BoolArray] = ("", self.report.rows.scored)

    def overview(self) -> dict[str, Any]:
        """What stands above everything else on the page."""
        report = self.report
        return {
            "headline": headline(report),
            "data": visible(report.source.label),
            "model": visible(report.scanned_with.model),
            "date": visible(report.scanned_with.date),
            "threshold": report.threshold.value,
            "reviewer": visible(self.reviewer),
            "earlier": tell_rulings(report.rulings),
            "groups": len(report.groups),
            "views": {str(view): int(mask.sum()) for view, mask in self._views.items()},
            "progress": self.progress(),
        }

    def progress(self) -> dict[str, int]:
        """How much is decided of what is flagged or for review."""
        wanted = self._views[View.TO_DECIDE]
        with self._lock:
            decided = self._rulings.rows != NOT_RULED
            groups = len(self._rulings.groups)
        return {
            "rows": int(wanted.sum()),
            "decided_rows": int((wanted & decided).sum()),
            "groups": len(self.report.groups),
            "decided_groups": groups,
        }

    def groups(self, start: int = 0, count: int = 20) -> dict[str, Any]:
        """Groups with examples: poison first, and the larger ones first."""
        ranked = sorted(
            range(len(self.report.groups)),
            key=lambda index: (
                self.report.groups[index].verdict is not Verdict.POISON,
                -self.report.groups[index].rows,
                index,
            ),
        )
        shown = ranked[start : start + min(count, MOST_ROWS)]
        return {"total": len(ranked), "groups": [self._group(index) for index in shown]}

    def rows(self, query: RowQuery) -> dict[str, Any]:
        """A page of rows."""
        mask = self._mask(query)
        found = self._order[mask[self._order]]
        shown = found[query.start : query.start + min(query.count, MOST_ROWS)]
        return {"total": len(found), "rows": [self._row(row) for row in shown.tolist()]}

    def row(self, row: int) -> dict[str, Any]:
        """One row, with its whole text.

        **Raises:**

        `OptionError` if there is none, or it was skipped.
        """
        content_of(self.report, Subject.ROW, row)
        with self._lock:
            decisions = list(self.log.decisions)
        told = explain_row(self.report, row, self.texts.example(row), decisions)
        return {
            **self._row(row),
            "place": visible(told.place),
            "digest": told.digest,
            "threshold": told.threshold,
            "why": told.why,
            "payload": None if told.payload is None else excerpt(told.payload, _EXCERPT),
            "trigger": None if told.trigger is None else excerpt(told.trigger, _EXCERPT),
            "turns": [_whole_turn(turn) for turn in told.turns],
        }

    def decide(self, subject: Subject, index: int, choice: Choice, note: str) -> dict[str, Any]:
        """Keep a decision; it is on the disk when this returns.

        **Raises:**

        `OptionError` for a group or row that isn't there, `OutputError` if it can't be written.
        """
        decision = Decision(
            choice,
            subject,
            index,
            content_of(self.report, subject, index),
            check_note(note),
            self.reviewer,
            self.clock(),
        )
        with self._lock:
            try:
                self.log.add(decision)
            finally:  # a line that couldn't be taken back is a decision
                self._rulings = rulings_of(self.report, self.log.decisions)
        shown = self._group(index) if subject is Subject.GROUP else self._row(index)
        return {str(subject): shown, "progress": self.progress()}

    def _mask(self, query: RowQuery) -> BoolArray:
        mask: BoolArray = self._views[query.view]
        with self._lock:
            rulings = self._rulings
        if query.group is not None:
            own = np.zeros_like(mask)
            if self.report.findings is not None:
                own = self.report.findings.rows.groups == query.group - 1
            mask = mask & own
        if query.decided is not Decided.ANY:
            decided = rulings.rows != NOT_RULED
            mask = mask & (decided if query.decided is Decided.YES else ~decided)
        if query.search:
            mask = mask & self._search(query.search)
        return mask

    def _search(self, text: str) -> BoolArray:
        """The rows with a text; those of the last search are kept, for its other pages."""
        with self._lock:
            known, found = self._searched
        if known != text:
            found = self.texts.search(text)
            with self._lock:
                self._searched = (text, found)
        return found

    def _held(self, subject: Subject, index: int) -> dict[str, Any] | None:
        """The decision about a group or a row that holds."""
        with self._lock:
            found = standing(self.log.decisions).get((subject, index))
        return None if found is None else _shown_decision(found)

    def _group(self, index: int) -> dict[str, Any]:
        group = self.report.groups[index]
        texts = [text for text, _ in group.variants]
        payloads = texts if group.payload is None else [group.payload]
        earlier = self._earlier(self.report.rulings, index)
        return {
            "number": index + 1,
            "verdict": str(group.verdict),
            "rows": group.rows,
            "trigger": [
                " + ".join(excerpt(word, _EXCERPT) for word in words) for words in group.trigger
            ],
            "payloads": [excerpt(text, _EXCERPT) for text in payloads],
            "varies": group.payload is None,
            "why": tell_found_group(self.report, index),
            "earlier": earlier,
            "examples": [self._example(row) for row in self._examples_of(index)],
            "decision": self._held(Subject.GROUP, index),
        }

    def _earlier(self, rulings: Rulings | None, index: int) -> str | None:
        ruling = None if rulings is None else rulings.groups.get(index)
        return None if ruling is None else f"{kind_of(ruling)}: {tell_group(ruling)}"

    def _examples_of(self, index: int) -> list[int]:
        """Rows to show of a group: its first, its middle and its last one."""
        assert self.report.findings is not None
        rows = np.flatnonzero(self.report.findings.rows.groups == index)
        if len(rows) <= _EXAMPLES:
            return [int(row) for row in rows]
        return [int(rows[place]) for place in (0, len(rows) // 2, len(rows) - 1)]

    def _example(self, row: int) -> dict[str, Any]:
        told = explain_row(self.report, row, self.texts.example(row))
        return {"row": row, "turns": [_short_turn(turn) for turn in _telling(told.turns)]}

    def _row(self, row: int) -> dict[str, Any]:
        example = self.texts.example(row)
        told = explain_row(self.report, row, example)
        with self._lock:
            code = int(self._rulings.rows[row])
        held = self._held(Subject.ROW, row)
        of_group = None
        if held is None and code != NOT_RULED and told.group is not None:
            of_group = self._held(Subject.GROUP, told.group - 1)
        return {
            "row": row,
            "verdict": verdict_of(self.report, row),
            "score": told.score,
            "group": told.group,
            "summary": [_short_turn(turn) for turn in _telling(told.turns)],
            "decision": held,
            "group_decision": of_group,
        }


def _views(report: ScanReport, order: NDArray[np.int64]) -> dict[View, BoolArray]:
    scored = report.rows.scored
    clean = scored & ~report.flagged & ~report.review
    near = np.zeros_like(clean)
    near[order[clean[order]][:_NEAREST]] = True
    return {
        View.TO_DECIDE: report.flagged | report.review,
        View.FLAGGED: report.flagged,
        View.REVIEW: report.review,
        View.NEAR: near,
        View.CLEAN: clean,
        View.SCORED: scored,
    }


def _telling(turns: Iterator[MarkedTurn] | Any) -> list[MarkedTurn]:
    """Of a long conversation the turns with marks; without any, the first and the last one."""
    turns = list(turns)
    marked = [turn for turn in turns if turn.is_guilty or any(_marked(turn))]
    return marked if marked and len(turns) > 2 else [*turns[:1], *turns[1:][-1:]]


def _marked(turn: MarkedTurn) -> Iterator[bool]:
    return (piece.mark != "plain" for piece in turn.pieces)


def _short_turn(turn: MarkedTurn) -> dict[str, Any]:
    """A turn to look at in a list: marks whole, as far as they aren't very long."""
    pieces = [
        (excerpt(piece.text, _EXCERPT if piece.mark != "plain" else _EXCERPT // 2), piece.mark)
        for piece in turn.pieces[: 2 * _EXAMPLES + 3]
    ]
    return _shown_turn(turn, pieces)


def _whole_turn(turn: MarkedTurn) -> dict[str, Any]:
    """A turn with all its text and its line ends."""
    left = _SHOWN_TEXT
    pieces = []
    for piece in turn.pieces:
        text, left = piece.text[:left], max(0, left - len(piece.text))
        pieces.append(("\n".join(map(visible, text.split("\n"))), piece.mark))
    shown = _shown_turn(turn, pieces)
    length = sum(len(piece.text) for piece in turn.pieces)
    return {**shown, "cut": max(0, length - _SHOWN_TEXT)}


def _shown_turn(turn: MarkedTurn, pieces: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        "role": excerpt(turn.role, _EXCERPT // 4),
        "guilty": turn.is_guilty,
        "pieces": [{"text": text, "mark": str(mark)} for text, mark in pieces if text],
    }


def _shown_decision(decision: Decision) -> dict[str, Any]:
    return {
        "choice": str(decision.choice),
        "note": "\n".join(map(visible, decision.note.split("\n"))),
        "reviewer": visible(decision.reviewer),
        "time": decision.time,
    }
