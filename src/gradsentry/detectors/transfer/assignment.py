"""The stage that judges every row: its group, the place of its payload, and its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from transformers import PreTrainedTokenizerBase

from gradsentry.detectors.detection import NO_GROUP, TriggerSpan, Verdict
from gradsentry.detectors.transfer.backdoors import Group, belonging
from gradsentry.detectors.transfer.evidence_rows import characters
from gradsentry.detectors.transfer.findings import GainedRows, seen
from gradsentry.detectors.transfer.head_pass import TargetTable
from gradsentry.detectors.transfer.spans import Spans
from gradsentry.detectors.transfer.terms import bare
from gradsentry.detectors.transfer.trigger_spans import trigger_span
from gradsentry.detectors.transfer.units import Unit
from gradsentry.records.example_json import load_example
from gradsentry.work.engine import Advance, Worker
from gradsentry.work.scan_work import ScanWork

_HALF_SCORE = 20.0
"""Nats at which a row outside all groups has half of the score that it can have."""
POISON_ABOVE = 0.75
"""Rows of poison groups, and they alone, have scores above this."""
_BANDS = {None: (0.0, 0.5), Verdict.REVIEW: (0.5, 0.25), Verdict.POISON: (POISON_ABOVE, 0.25)}
"""Where scores start, and how far they go."""
_ROWS_AT_ONCE = 512
"""Of a task."""


@dataclass(frozen=True, eq=False, slots=True)
class ScoredWindow:
    """A row as it was scored, or a window of it, with the numbers of its N targets."""

    start: int
    """Its first character in the row's text."""
    example: bytes
    """As `dump_example` writes it."""
    runs: Sequence[int]
    """The lengths of its stretches of targets."""
    targets: NDArray[np.int32]
    surprise: NDArray[np.float32]
    gains: NDArray[np.float32]

    def gained(self, tokenizer: PreTrainedTokenizerBase) -> GainedRows:
        """Its turns."""
        numbers = self.targets.astype(np.int64), self.surprise, self.gains
        return GainedRows.of([load_example(self.example)], [self.runs], numbers, tokenizer)


@dataclass(frozen=True, slots=True)
class JudgedTurn:
    """What is said of a turn, and so of the row that it speaks for."""

    terms: set[str]
    """Of its prompt and what stands before; empty where there are no groups."""
    has_prompt: bool
    score: float
    message: int | None
    """Its position among the row's messages."""
    group: int = NO_GROUP
    trigger: str | None = None
    span: TriggerSpan | None = None
    """Where the trigger stands."""
    payload: str | None = None
    payload_at: tuple[int, int] = (-1, -1)
    """Its first character in the row's response, and the one behind its last; -1 without any."""
    holds: bool = False
    """Whether it has its group's payload, as it stands there."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of rows for one group; those of several lots of rows add up."""

    rows: int = 0
    holding: int = 0
    """Of its rows, those that hold its payload."""
    called: int = 0
    """Of its rows, those whose prompts have the words of its trigger."""
    elsewhere: int = 0
    """Other rows whose prompts have them."""

    @staticmethod
    def of_row(group: Group, turns: Sequence[JudgedTurn], own: JudgedTurn | None) -> Tally:
        """Of one row.

        **Arguments:**

        - `own`: the turn that puts the row into the group; None for other rows.
        """
        if own is None:
            return Tally(elsewhere=int(any(group.has_trigger(turn.terms) for turn in turns)))
        return Tally(1, int(own.holds), int(group.has_trigger(own.terms)))

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.rows + other.rows,
            self.holding + other.holding,
            self.called + other.called,
            self.elsewhere + other.elsewhere,
        )


@dataclass(frozen=True)
class AssignedRows:
    """What is said of some rows."""

    rows: Sequence[tuple[int, JudgedTurn]]
    """Input rows, each with the turn of the highest score; without those that have no finite
    figures."""
    tallies: Sequence[Tally]
    """Of every group."""
    promptless: int
    """Rows without a prompt."""


@dataclass(frozen=True)
class AssignRows:
    """Judges rows by the groups that were found."""

    groups: tuple[Group, ...]

    def __call__(
        self, task: Sequence[tuple[int, Sequence[ScoredWindow]]], worker: Worker, advance: Advance
    ) -> AssignedRows:
        """Every row's group, payload and score; a task has input rows with their windows."""
        rows, promptless = [], 0
        tallies = [Tally() for _ in self.groups]
        tokenizer = worker.model.tokenizer
        for row, windows in task:
            if not all(np.isfinite(window.surprise).all() for window in windows):
                continue
            turns = [turn for window in windows for turn in self._judged(window, tokenizer)]
            best = max(turns, key=lambda turn: turn.score)
            promptless += not any(turn.has_prompt for turn in turns)
            for number, group in enumerate(self.groups):
                own = best if best.group == number else None
                tallies[number] += Tally.of_row(group, turns, own)
            rows.append((row, replace(best, terms=set())))  # which were for the tallies
        advance(len(task))
        return AssignedRows(rows, tallies, promptless)

    def _judged(self, window: ScoredWindow, tokenizer: PreTrainedTokenizerBase) -> list[JudgedTurn]:
        """Group, payload and score of a window's turns."""
        row = window.gained(tokenizer)
        return [
            self._judged_turn(unit, window, row.spans.take(np.array([number])), tokenizer)
            for number, unit in enumerate(row.units[0])
        ]

    def _judged_turn(
        self, unit: Unit, window: ScoredWindow, spans: Spans, tokenizer: PreTrainedTokenizerBase
    ) -> JudgedTurn:
        """A turn's group, payload and score.

        **Arguments:**

        - `spans`: its own.
        """
        own = slice(unit.first, unit.end)
        turn, response = unit.turn, unit.turn.answer
        nats = float(spans.gain[0])
        whole = seen(turn, nats, window.surprise[own])
        found = belonging(self.groups, whole)
        group = None if found is None else self.groups[found.group]
        payload = None if group is None else group.findings.payload
        holds = payload is not None and payload in response
        if payload is not None and holds:
            first = response.find(payload)
            at: tuple[int, int] | None = (first, first + len(payload))
        elif found is None and len(turn.messages) < 2:
            at = None
        else:
            stretch = int(spans.start[0]), int(spans.end[0])
            at = characters(tokenizer, window.targets[own].tolist(), stretch, response)
        base, width = _BANDS[None if group is None else group.verdict]
        judged = JudgedTurn(
            terms=whole.terms if self.groups else set(),
            has_prompt=bool(turn.asked or turn.earlier or turn.system),
            score=base + width * nats / (nats + _HALF_SCORE),
            message=turn.message_at(0 if at is None else at[0]),
        )
        if found is None:
            return judged
        start = window.start + turn.start
        return replace(
            judged,
            score=base + width * float(expit(found.odds)),
            group=found.group,
            trigger=" … ".join(map(bare, found.rule)) or None,
            span=trigger_span(turn, found.rule),
            payload=None if at is None else response[slice(*at)],
            payload_at=(-1, -1) if at is None else (start + at[0], start + at[1]),
            holds=holds,
        )


def assignment_tasks(
    work: ScanWork, table: TargetTable
) -> Iterator[list[tuple[int, list[ScoredWindow]]]]:
    """The scored rows in the order of the data, some at a time, as `AssignRows` takes them."""
    inputs, begin = work.rows.input_of_stored, 0
    while begin < len(inputs):
        last = inputs[min(begin + _ROWS_AT_ONCE, len(inputs)) - 1]
        end = int(np.searchsorted(inputs, last, side="right"))  # all windows of a document
        stored = np.arange(begin, end)
        windows = (
            scored_window(work, table, row, example)
            for row, example in zip(
                stored.tolist(), work.encoded.store.examples(stored), strict=True
            )
        )
        own, counts = np.unique(inputs[begin:end], return_counts=True)
        yield [
            (row, [next(windows) for _ in range(count)])
            for row, count in zip(own.tolist(), counts.tolist(), strict=True)
        ]
        begin = end


def scored_window(work: ScanWork, table: TargetTable, stored: int, example: bytes) -> ScoredWindow:
    """A stored row with its numbers.

    **Arguments:**

    - `example`: what it means, as `dump_example` wrote it.
    """
    planned = int(work.rows.planned_of_stored[stored])
    own = slice(*table.offsets[planned : planned + 2].tolist())
    return ScoredWindow(
        int(work.encoded.store.starts[stored]),
        example,
        work.target_runs(planned),
        np.array(table.targets[own]),
        np.array(table.surprise[own]),
        np.array(table.gains[own]),
    )
