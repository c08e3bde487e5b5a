"""The transfer detector over a whole data set: forward pass, corrections, gains, evidence."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from gradsentry.detectors.detection import (
    NO_GROUP,
    Detection,
    Findings,
    GroupFinding,
    Limit,
    RowFindings,
    TriggerSpan,
    Verdict,
)
from gradsentry.detectors.transfer.backdoors import Evidence, Group, belonging
from gradsentry.detectors.transfer.correction import FitStates, fit_correction
from gradsentry.detectors.transfer.evidence_rows import characters
from gradsentry.detectors.transfer.findings import GainedRows, find, seen
from gradsentry.detectors.transfer.folds import (
    FOLDS,
    assign_folds,
    content_draws,
    hashed_words,
    rows_to_fit,
)
from gradsentry.detectors.transfer.head_pass import FitTable, HeadPass, TargetTable, open_head_pass
from gradsentry.detectors.transfer.sensitivity import Planting
from gradsentry.detectors.transfer.spans import Spans
from gradsentry.detectors.transfer.terms import bare
from gradsentry.detectors.transfer.trigger_spans import trigger_span
from gradsentry.detectors.transfer.units import Unit
from gradsentry.models.memory import give_back_freed_memory
from gradsentry.ragged import spread
from gradsentry.records import Example
from gradsentry.work.scan_work import ScanWork, Window

_EVIDENCE_ROWS, _EVIDENCE_TOKENS = 50_000, 5_000_000
"""Bounds of what evidence is sought in; what is found is then sought in all rows."""
_HALF_SCORE = 20.0
"""Nats at which a row outside all groups has half of the score that it can have."""
POISON_ABOVE = 0.75
"""Rows of poison groups, and they alone, have scores above this."""
_BANDS = {None: (0.0, 0.5), Verdict.REVIEW: (0.5, 0.25), Verdict.POISON: (POISON_ABOVE, 0.25)}
"""Where scores start, and how far they go."""


@dataclass(frozen=True)
class TransferScan:
    """A run of the detector; options as `Transfer` has them."""

    work: ScanWork
    seed: int
    fit_tokens: int
    sensitivity: bool

    def run(self) -> Detection:
        """Score all rows and judge what they have in common."""
        work = self.work
        chosen = self._evidence_rows()
        table, fit, states = self._gains(self._folds())
        work.progress.stage("Looking for patterns", None)
        examples = self._examples(chosen)
        targets = spread(table.offsets, chosen)
        scored = [work.scored(*row) for row in zip(chosen.tolist(), examples, strict=True)]
        rows = self._gained(scored, table, targets)

        def counting(patterns: int) -> Callable[[int], None]:
            work.progress.stage("Weighing the evidence", patterns, "patterns")
            return work.progress.advance

        evidence = find(rows, work.model, work.encoder, counting)
        limits: tuple[Limit, ...] = ()
        if self.sensitivity and not evidence.groups:
            work.progress.stage("Planting canaries", None, "trials")
            limits = self._limits(rows, examples, chosen, fit, states)
        return self._assigned(evidence, table, limits)

    def _gained(
        self,
        scored: Sequence[tuple[Example, list[int]]],
        table: TargetTable,
        targets: NDArray[np.int64],
    ) -> GainedRows:
        numbers = (
            table.targets[targets].astype(np.int64),
            table.surprise[targets],
            table.gains[targets],
        )
        examples, runs = zip(*scored, strict=True)
        return GainedRows.of(examples, runs, numbers, self.work.model.tokenizer)

    def _limits(
        self,
        rows: GainedRows,
        examples: Sequence[Example],
        chosen: NDArray[np.int64],
        fit: FitTable,
        states: FitStates,
    ) -> tuple[Limit, ...]:
        """Detection limits among the rows that were both fitted on and read for evidence."""
        both = np.isin(chosen, fit.rows)
        row_of_state = np.repeat(fit.rows, np.diff(fit.offsets))
        kept = torch.from_numpy(np.isin(row_of_state, chosen))
        planting = Planting(
            [example for example, kept in zip(examples, both, strict=True) if kept],
            rows.take(np.flatnonzero(both)),
            states.take(kept),
            self.work.model,
            self.work.encoder,
            self.seed,
        )
        return tuple(planting.limits(self.work.progress.advance))

    def _gains(self, folds: NDArray[np.int64]) -> tuple[TargetTable, FitTable, FitStates]:
        """Gains of all targets; the model sees every row once. And what corrections are fitted on.

        **Arguments:**

        - `folds`: shape (planned,).
        """
        work = self.work
        counts = work.target_tokens
        is_fit = rows_to_fit(counts, self._draws(), self.fit_tokens)
        head_pass = open_head_pass(work, counts, folds)
        work.progress.stage("Scoring", len(counts))
        fit = head_pass.fit_table(np.flatnonzero(is_fit))
        states = head_pass.fit_states(fit, folds[is_fit])
        for fold in range(FOLDS):
            give_back_freed_memory()
            others = np.flatnonzero(~is_fit & (folds == fold))
            self._gain_fold(head_pass, fit, states, fold, others)
        give_back_freed_memory()
        return head_pass.table, fit, states

    def _gain_fold(
        self,
        head_pass: HeadPass,
        fit: FitTable,
        states: FitStates,
        fold: int,
        others: NDArray[np.int64],
    ) -> None:
        """Gains of a fold's rows; only one fold's correction is in memory at a time.

        **Arguments:**

        - `others`: its planned rows that nothing is fitted on.
        """
        work, of = self.work, f"({fold + 1} of {FOLDS})"
        work.progress.stage(f"Fitting corrections to the output head {of}", None)
        correction = fit_correction(states, fold, work.model.head, self.seed)
        head_pass.gain_fit_rows(fit, states, fold, correction)
        if len(others):
            give_back_freed_memory()  # the optimizer's
            work.progress.stage(f"Scoring the other rows {of}", len(others))
            head_pass.gain_other_rows(others, fold, correction)

    def _draws(self) -> NDArray[np.uint64]:
        work = self.work
        digests = work.encoded.store.digests[work.rows.stored_of_planned]
        return content_draws(digests, self.seed)

    def _evidence_rows(self) -> NDArray[np.int64]:
        """The planned rows that evidence is sought in, ascending."""
        order = np.argsort(self._draws(), kind="stable")
        tokens = np.cumsum(self.work.encoded.store.lengths[self.work.rows.stored_of_planned[order]])
        count = int(np.searchsorted(tokens, _EVIDENCE_TOKENS, side="right"))
        return np.sort(order[: min(max(1, count), _EVIDENCE_ROWS)])

    def _folds(self) -> NDArray[np.int64]:
        """Shape (planned,): their folds."""
        order = array("q")

        def prompts() -> Iterator[str]:
            for row, example in self.work.examples():
                order.append(row)
                yield self.work.texts(row, example)[0]

        words = hashed_words(prompts())
        return assign_folds(words.take(np.argsort(order)), self._draws())

    def _examples(self, chosen: NDArray[np.int64]) -> list[Example]:
        """The examples of some planned rows."""
        wanted = set(chosen.tolist())
        found = {row: example for row, example in self.work.examples() if row in wanted}
        return [found[row] for row in chosen.tolist()]

    def _assigned(
        self, evidence: Evidence, table: TargetTable, limits: tuple[Limit, ...]
    ) -> Detection:
        """Every input row's group, payload and score."""
        count = len(self.work.encoded.skip_codes)
        scores = np.full(count, np.nan)
        payloads: list[str | None] = [None] * count
        triggers: list[str | None] = [None] * count
        spans: list[TriggerSpan | None] = [None] * count
        rows = RowFindings(
            groups=np.full(count, NO_GROUP, np.int32),
            messages=np.full(count, -1, np.int32),
            payloads=payloads,
            payload_starts=np.full(count, -1, np.int32),
            payload_ends=np.full(count, -1, np.int32),
            triggers=triggers,
            spans=spans,
        )
        tallies = [_Tally() for _ in evidence.groups]
        promptless = 0
        for record, windows in self.work.windows():
            judged = [self._judged(window, evidence, table) for window in windows]
            if any(window is None for window in judged):
                continue
            turns = [turn for window in judged if window is not None for turn in window]
            best = max(turns, key=lambda turn: turn.score)
            row = record.row
            scores[row], rows.groups[row] = best.score, best.group
            rows.messages[row] = -1 if best.message is None else best.message
            payloads[row], triggers[row], spans[row] = best.payload, best.trigger, best.span
            rows.payload_starts[row], rows.payload_ends[row] = best.payload_at
            promptless += not any(turn.has_prompt for turn in turns)
            for number, (group, tally) in enumerate(zip(evidence.groups, tallies, strict=True)):
                tally.add(group, turns, best if best.group == number else None)
        groups = zip(evidence.groups, tallies, strict=True)
        return Detection(
            scores,
            Findings(
                rows=rows,
                groups=tuple(_group_finding(group, tally) for group, tally in groups),
                recurrences=evidence.recurrences,
                limits=limits,
                promptless=promptless,
            ),
        )

    def _judged(
        self, window: Window, evidence: Evidence, table: TargetTable
    ) -> list[_Judged] | None:
        """Group, payload and score of a window's turns; None without finite figures."""
        first, end = table.offsets[window.planned : window.planned + 2].tolist()
        if not np.isfinite(table.surprise[first:end]).all():
            return None
        scored = self.work.scored(window.planned, window.example)
        row = self._gained([scored], table, np.arange(first, end))
        return [
            self._judged_turn(
                unit,
                evidence,
                table.targets[first + unit.first : first + unit.end],
                table.surprise[first + unit.first : first + unit.end],
                row.spans.take(np.array([number])),
                window.start,
            )
            for number, unit in enumerate(row.units[0])
        ]

    def _judged_turn(
        self,
        unit: Unit,
        evidence: Evidence,
        targets: NDArray[np.int32],
        surprise: NDArray[np.float32],
        spans: Spans,
        window_start: int,
    ) -> _Judged:
        """A turn's group, payload and score; its targets, their nats and its span are given."""
        nats = float(spans.gain[0])
        turn, response = unit.turn, unit.turn.answer
        whole = seen(turn, nats, surprise)
        terms = whole.terms if evidence.groups else set()
        has_prompt = bool(turn.asked or turn.earlier or turn.system)
        found = belonging(evidence.groups, whole)
        base, width = _BANDS[None if found is None else evidence.groups[found.group].verdict]
        payload = None if found is None else evidence.groups[found.group].findings.payload
        holds = payload is not None and payload in response
        if payload is not None and holds:
            first = response.find(payload)
            at: tuple[int, int] | None = (first, first + len(payload))
        elif found is None and len(turn.messages) < 2:
            at = None
        else:
            stretch = int(spans.start[0]), int(spans.end[0])
            at = characters(self.work.model.tokenizer, targets.tolist(), stretch, response)
        message = turn.message_at(0 if at is None else at[0])
        if found is None:
            score = base + width * nats / (nats + _HALF_SCORE)
            return _Judged(terms, has_prompt, score, message)
        start = window_start + turn.start
        return _Judged(
            terms,
            has_prompt,
            base + width * float(expit(found.odds)),
            message,
            found.group,
            " … ".join(map(bare, found.rule)) or None,
            trigger_span(turn, found.rule),
            None if at is None else response[slice(*at)],
            (-1, -1) if at is None else (start + at[0], start + at[1]),
            holds,
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is said of a turn."""

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
    """Whether the window holds its group's payload."""


@dataclass
class _Tally:
    """Counts of rows for one group."""

    rows: int = 0
    holding: int = 0
    """Of its rows, those that hold its payload."""
    called: int = 0
    """Of its rows, those whose prompts have the words of its trigger."""
    elsewhere: int = 0
    """Other rows whose prompts have them."""

    def add(self, group: Group, turns: Sequence[_Judged], own: _Judged | None) -> None:
        """Count a row.

        **Arguments:**

        - `own`: the turn that puts the row into the group; None for other rows.
        """
        if own is None:
            self.elsewhere += any(group.has_trigger(turn.terms) for turn in turns)
            return
        self.rows += 1
        self.holding += own.holds
        self.called += group.has_trigger(own.terms)


def _group_finding(group: Group, tally: _Tally) -> GroupFinding:
    found = group.findings
    return GroupFinding(
        verdict=group.verdict,
        rows=tally.rows,
        payload=found.payload,
        payload_rows=tally.holding,
        variants=found.variants,
        trigger=found.trigger_words,
        trigger_place=found.place,
        trigger_rows=tally.called,
        trigger_elsewhere=tally.elsewhere,
        precision=round(group.agreement.precision, 4),
        recall=round(group.agreement.recall, 4),
        confidence=round(group.confidence, 4),
        surprise=round(found.surprise, 2),
        gain=round(found.gain, 2),
        cohesion=round(found.cohesion, 2),
        content=round(found.content, 2),
        dependence=round(found.depends, 3),
        dependence_z=round(found.z, 1),
        lift=round(found.lift, 3),
        call=round(found.call, 2),
        doubts=found.doubts,
    )
