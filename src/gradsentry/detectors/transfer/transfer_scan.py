"""The transfer detector over a whole data set: forward pass, corrections, gains, evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.detectors.detection import (
    NO_GROUP,
    Detection,
    FewRows,
    Findings,
    GroupFinding,
    Limit,
    RowFindings,
    TriggerSpan,
)
from gradsentry.detectors.transfer.assignment import AssignRows, Tally, assignment_tasks
from gradsentry.detectors.transfer.backdoors import Evidence, Group
from gradsentry.detectors.transfer.correction import FitStates, fit_correction
from gradsentry.detectors.transfer.evidence_sample import choose_evidence
from gradsentry.detectors.transfer.findings import GainedRows, find
from gradsentry.detectors.transfer.folds import (
    FOLDS,
    assign_folds,
    content_draws,
    hashed_words,
    rows_to_fit,
)
from gradsentry.detectors.transfer.head_pass import FitTable, HeadPass, TargetTable, open_head_pass
from gradsentry.detectors.transfer.sensitivity import Planting
from gradsentry.file_array import FileArrayWriter
from gradsentry.models.memory import give_back_freed_memory
from gradsentry.ragged import spread
from gradsentry.records import Example, prompt_and_response
from gradsentry.work.encoded_data import NOT_SKIPPED
from gradsentry.work.scan_work import ScanWork

_ROWS_AT_ONCE = 1 << 16
"""For which random numbers are drawn; bounds memory."""


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
        table, fit, states = self._gains()
        chosen = choose_evidence(work, table, self._draws)
        work.progress.stage("Looking for patterns", None)
        examples = list(work.examples(chosen))
        rows = self._gained(chosen, examples, table)

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
        self, chosen: NDArray[np.int64], examples: Sequence[Example], table: TargetTable
    ) -> GainedRows:
        targets = spread(table.offsets, chosen)
        numbers = (
            table.targets[targets].astype(np.int64),
            table.surprise[targets],
            table.gains[targets],
        )
        runs = [self.work.target_runs(row) for row in chosen.tolist()]
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

    def _gains(self) -> tuple[TargetTable, FitTable, FitStates]:
        """Gains of all targets; the model sees every row once. And what corrections are fitted
        on."""
        work, folds = self.work, self._folds()
        is_fit = rows_to_fit(work.target_tokens, self._draws, self.fit_tokens)
        head_pass = open_head_pass(work, folds)
        work.progress.stage("Scoring", work.rows.planned)
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

    @cached_property
    def _draws(self) -> NDArray[np.uint64]:
        """Shape (planned,): random numbers that depend on rows' contents alone."""
        work = self.work
        draws = FileArrayWriter(work.space.scratch / "draws", np.uint64)
        with closing(draws):
            for first in range(0, work.rows.planned, _ROWS_AT_ONCE):
                rows = work.rows.stored_of_planned[first : first + _ROWS_AT_ONCE]
                draws.extend(content_draws(work.encoded.store.digests[rows], self.seed))
        return draws.finish()

    def _folds(self) -> NDArray[np.int8]:
        """Shape (planned,): their folds."""
        prompts = (prompt_and_response(example)[0] for example in self.work.examples())
        words = hashed_words(prompts, self.work.space.scratch / "prompt_words")
        return assign_folds(words, self._draws)

    def _assigned(
        self, evidence: Evidence, table: TargetTable, limits: tuple[Limit, ...]
    ) -> Detection:
        """Every input row's group, payload and score."""
        work = self.work
        count = len(work.encoded.skip_codes)
        scores = work.space.table("scores", (count,), np.float64)
        payloads: dict[int, str] = {}
        triggers: dict[int, str] = {}
        spans: dict[int, TriggerSpan] = {}
        rows = RowFindings(
            groups=self._without("groups", NO_GROUP),
            messages=self._without("messages", -1),
            payloads=FewRows(payloads, count),
            payload_starts=self._without("payload_starts", -1),
            payload_ends=self._without("payload_ends", -1),
            triggers=FewRows(triggers, count),
            spans=FewRows(spans, count),
        )
        tallies = [Tally() for _ in evidence.groups]
        promptless = 0
        scored = int((work.encoded.skip_codes == NOT_SKIPPED).sum())
        work.progress.stage("Judging the rows", scored)
        for part in work.engine.map(
            AssignRows(evidence.groups), assignment_tasks(work, table), work.progress.advance
        ):
            promptless += part.promptless
            tallies = [before + own for before, own in zip(tallies, part.tallies, strict=True)]
            for row, judged in part.rows:
                scores[row], rows.groups[row] = judged.score, judged.group
                rows.messages[row] = -1 if judged.message is None else judged.message
                if judged.payload is not None:
                    payloads[row] = judged.payload
                if judged.trigger is not None:
                    triggers[row] = judged.trigger
                if judged.span is not None:
                    spans[row] = judged.span
                rows.payload_starts[row], rows.payload_ends[row] = judged.payload_at
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

    def _without(self, name: str, number: int) -> NDArray[np.int32]:
        """A table on disk with a number for each input row, at first that of those without."""
        count = len(self.work.encoded.skip_codes)
        table: NDArray[np.int32] = self.work.space.table(name, (count,), np.int32)
        table[:] = number
        return table


def _group_finding(group: Group, tally: Tally) -> GroupFinding:
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
