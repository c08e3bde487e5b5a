"""What the page asks for, and what it does: pages of groups and rows, and decisions.

Everything here is plain values that become JSON. Texts from the data come as they are safe to show
(`safe_text`); the page puts them into the document as text, never as markup.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradsentry.errors import OptionError
from gradsentry.outputs.row_choice import (
    differing_rows,
    example_candidates,
    ordered_groups,
    words_of,
)
from gradsentry.outputs.telling_words import compared_rows, telling_words
from gradsentry.records import BoolArray
from gradsentry.report import ScanReport
from gradsentry.report.group_words import is_free_text
from gradsentry.report.ruling_words import kind_of, tell_group, tell_rulings
from gradsentry.report.rulings import NOT_RULED, Rulings
from gradsentry.report.verdict import headline, tell_found_group
from gradsentry.review.decision_log import DecisionLog
from gradsentry.review.decision_words import tell_decision
from gradsentry.review.decisions import Choice, Decision, Subject, check_note, content_of
from gradsentry.review.explanation import explain_row, verdict_of
from gradsentry.review.ruling_rows import HeldDecisions
from gradsentry.review.searchable_rows import RowTexts
from gradsentry.review.shown_texts import (
    EXCERPT,
    short_turn,
    shown_decision,
    telling,
    whole_turn,
)
from gradsentry.safe_text import excerpt, visible

MOST_ROWS = 100
"""Of one page."""
MOST_AT_ONCE = 10_000
"""Rows that are decided in one go."""
_NEAREST = 500
"""Clean rows that count as near the threshold."""


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
        self._held = HeldDecisions(self.report, self.log.decisions)
        self._kept = len(self.log.decisions)
        compared = compared_rows(self.report)
        examples = ((row, self.texts.example(row)) for row in compared)
        self._telling = telling_words(
            compared, ((row, said) for row, said in examples if said is not None)
        )
        self._examples: dict[int, list[int]] = {}
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
            decided = self._held.codes != NOT_RULED
            groups = self._held.decided_groups()
        return {
            "rows": int(wanted.sum()),
            "decided_rows": int((wanted & decided).sum()),
            "groups": len(self.report.groups),
            "decided_groups": groups,
        }

    def groups(self, start: int = 0, count: int = 20) -> dict[str, Any]:
        """Groups with examples: poison first, and the larger ones first."""
        ranked = ordered_groups(self.report)
        shown = ranked[start : start + min(count, MOST_ROWS)]
        return {"total": len(ranked), "groups": [self._group(index) for index in shown]}

    def rows(self, query: RowQuery) -> dict[str, Any]:
        """A page of rows, and what to name all that were found by."""
        searched = self._search(query.search)
        with self._lock:
            found = self._found(query, searched)
            decided = int(self._held.by_themselves()[found].sum())
            digest = self._digest(found)
        shown = found[query.start : query.start + min(query.count, MOST_ROWS)]
        return {
            "total": len(found),
            "decided": decided,
            "most_at_once": MOST_AT_ONCE,
            "digest": digest,
            "rows": [self._row(row) for row in shown.tolist()],
        }

    def row(self, row: int) -> dict[str, Any]:
        """One row, with its whole text.

        **Raises:**

        `OptionError` if there is none, or it was skipped.
        """
        content_of(self.report, Subject.ROW, row)
        with self._lock:
            told = explain_row(self.report, row, self.texts.example(row), self._held, self._telling)
        return {
            **self._row(row),
            "place": visible(told.place),
            "digest": told.digest,
            "threshold": told.threshold,
            "why": told.why,
            "payload": None if told.told_payload is None else excerpt(told.told_payload, EXCERPT),
            "trigger": None if told.trigger is None else excerpt(told.trigger, EXCERPT),
            "turns": [whole_turn(turn) for turn in told.turns],
        }

    def decide(self, subject: Subject, index: int, choice: Choice, note: str) -> dict[str, Any]:
        """Keep a decision; it is on the disk when this returns.

        **Raises:**

        `OptionError` for a group or row that isn't there, `OutputError` if it can't be written.
        """
        with self._lock:
            self._keep(subject, [index], choice, note)
        shown = self._group(index) if subject is Subject.GROUP else self._row(index)
        return {str(subject): shown, "progress": self.progress()}

    def decide_rows(
        self, query: RowQuery, digest: str, choice: Choice, note: str
    ) -> dict[str, Any]:
        """Keep a decision about each row that a query finds; all are on the disk when this returns.

        **Arguments:**

        - `digest`: what `rows` named the rows and what is decided about them by, as the reviewer
            has seen them.

        **Raises:**

        `OptionError` if the query finds other rows by now, something else is decided about them, or
        they are too many; `OutputError` if they can't be written.
        """
        searched = self._search(query.search)
        with self._lock:
            found = self._found(query, searched)
            if self._digest(found) != digest:
                raise OptionError(
                    "These rows aren't as the page shows them: somebody decided meanwhile.",
                    "Nothing was kept. Look at them again, and decide then.",
                )
            if choice is Choice.WITHDRAWN:
                found = found[self._held.by_themselves()[found]]
            if len(found) > MOST_AT_ONCE:
                raise OptionError(
                    f"These are {len(found):,} rows, and at most {MOST_AT_ONCE:,} are decided in "
                    "one go.",
                    "Search for fewer, or decide about their groups.",
                )
            self._keep(Subject.ROW, found.tolist(), choice, note)
        return {"decided": len(found), "progress": self.progress()}

    def _keep(self, subject: Subject, indices: list[int], choice: Choice, note: str) -> None:
        """Write decisions, and have them hold."""
        note, time = check_note(note), self.clock()
        made = [
            Decision(
                choice,
                subject,
                index,
                content_of(self.report, subject, index),
                note,
                self.reviewer,
                time,
            )
            for index in indices
        ]
        try:
            self.log.add(*made)
        finally:  # a line that couldn't be taken back is a decision
            for decision in self.log.decisions[self._kept :]:
                self._held.add(decision)
            self._kept = len(self.log.decisions)

    def _digest(self, rows: NDArray[np.int64]) -> str:
        """What tells these rows, and what is decided about them, from others."""
        parts = rows.astype("<i8"), self._held.codes[rows], self._held.by_themselves()[rows]
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()

    def _found(self, query: RowQuery, searched: BoolArray | None) -> NDArray[np.int64]:
        """The rows that a query finds, highest score first, of those with its text."""
        mask = self._mask(query)
        if searched is not None:
            mask = mask & searched
        found: NDArray[np.int64] = self._order[mask[self._order]]
        return found

    def _mask(self, query: RowQuery) -> BoolArray:
        mask: BoolArray = self._views[query.view]
        if query.group is not None:
            own = np.zeros_like(mask)
            if self.report.findings is not None:
                own = self.report.findings.rows.groups == query.group - 1
            mask = mask & own
        if query.decided is not Decided.ANY:
            decided = self._held.codes != NOT_RULED
            mask = mask & (decided if query.decided is Decided.YES else ~decided)
        return mask

    def _search(self, text: str) -> BoolArray | None:
        """The rows with a text, or None for all; those of the last search are kept, for its other
        pages. It reads all texts, so that nobody should hold the lock meanwhile."""
        if not text:
            return None
        with self._lock:
            known, found = self._searched
        if known != text:
            found = self.texts.search(text)
            with self._lock:
                self._searched = (text, found)
        return found

    def _group(self, index: int) -> dict[str, Any]:
        group = self.report.groups[index]
        texts = [text for text, _ in group.variants]
        payloads = texts if group.payload is None else [group.payload]
        earlier = self._earlier(self.report.rulings, index)
        with self._lock:
            decision = self._held.about_group(index)
        return {
            "number": index + 1,
            "verdict": str(group.verdict),
            "rows": group.rows,
            "trigger": [
                " + ".join(excerpt(word, EXCERPT) for word in words) for words in group.trigger
            ],
            "payloads": [excerpt(text, EXCERPT) for text in payloads],
            "varies": group.payload is None,
            "free_text": is_free_text(group),
            "why": tell_found_group(self.report, index),
            "earlier": earlier,
            "examples": [self._example(row) for row in self._examples_of(index)],
            "decision": shown_decision(decision),
            "told": [] if decision is None else [tell_decision(decision)],
        }

    def _earlier(self, rulings: Rulings | None, index: int) -> str | None:
        ruling = None if rulings is None else rulings.groups.get(index)
        return None if ruling is None else f"{kind_of(ruling)}: {tell_group(ruling)}"

    def _examples_of(self, index: int) -> list[int]:
        """Rows to show of a group, as the report shows them."""
        if index not in self._examples:
            candidates = example_candidates(self.report, index)
            examples = {row: self.texts.example(row) for row in candidates}
            words = {row: words_of(said) for row, said in examples.items() if said is not None}
            self._examples[index] = differing_rows(self.report, list(words), words)
        return self._examples[index]

    def _example(self, row: int) -> dict[str, Any]:
        told = explain_row(self.report, row, self.texts.example(row), self._held, self._telling)
        return {"row": row, "turns": [short_turn(turn) for turn in telling(told.turns)]}

    def _row(self, row: int) -> dict[str, Any]:
        example = self.texts.example(row)
        with self._lock:
            told = explain_row(self.report, row, example, self._held, self._telling)
            own, of_group = self._held.about_row(row), self._held.about_group_of(row)
        return {
            "row": row,
            "verdict": verdict_of(self.report, row),
            "score": told.score,
            "group": told.group,
            "summary": [short_turn(turn) for turn in telling(told.turns)],
            "decision": shown_decision(own),
            "group_decision": shown_decision(of_group),
            "told": told.decided,
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
