"""From encoded rows to findings: the one way that scan, sensitivity and benchmarks take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from gradsentry.detectors.transfer.backdoors import (
    Counting,
    Evidence,
    Seen,
    belonging,
    find_backdoors,
    uncounted,
)
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.opinion import ModelOpinion
from gradsentry.detectors.transfer.response_features import Reply, noise_of
from gradsentry.detectors.transfer.spans import Spans, best_spans
from gradsentry.detectors.transfer.terms import Context
from gradsentry.detectors.transfer.units import Unit, context_of, document_units, units_of
from gradsentry.encoding import Encoder
from gradsentry.models import LanguageModel
from gradsentry.ragged import offsets_of, spread
from gradsentry.records import Example, PlainText, Turn


@dataclass(frozen=True, eq=False)
class GainedRows:
    """Rows with the numbers of their N targets, one row after the other."""

    units: Sequence[Sequence[Unit]]
    """The turns of each row."""
    targets: NDArray[np.int64]
    """Shape (N,): token ids."""
    surprise: NDArray[np.float32]
    """Shape (N,): nats that the base model needs for a target."""
    gains: NDArray[np.float32]
    """Shape (N,): nats that the rest of the data takes off."""

    @classmethod
    def of(
        cls,
        examples: Sequence[Example],
        runs: Sequence[Sequence[int]],
        numbers: tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]],
        tokenizer: PreTrainedTokenizerBase,
    ) -> GainedRows:
        """Rows split into their turns, and documents where they are taught.

        **Arguments:**

        - `examples`: the rows as far as they were encoded.
        - `runs`: lengths of each row's stretches of targets.
        - `numbers`: targets, surprise and gains, each of shape (N,).
        """
        targets, surprise, gains = numbers
        first, units = 0, []
        for example, lengths in zip(examples, runs, strict=True):
            own = slice(first, first + sum(lengths))
            first = own.stop
            units.append(
                document_units(example, targets[own], gains[own], tokenizer)
                if isinstance(example, PlainText)
                else units_of(example, lengths)
            )
        return cls(units, targets, surprise, gains)

    def take(self, rows: NDArray[np.int64]) -> GainedRows:
        """Some of the rows, in the order given."""
        kept = spread(offsets_of(np.array([row[-1].end for row in self.units], np.int64)), rows)
        return GainedRows(
            [self.units[row] for row in rows.tolist()],
            self.targets[kept],
            self.surprise[kept],
            self.gains[kept],
        )

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Shape (units + 1,): where a unit's targets start among all, and the end."""
        return offsets_of(np.array([u.end - u.first for row in self.units for u in row], np.int64))

    @cached_property
    def spans(self) -> Spans:
        """The stretch of targets that gains most, for every unit."""
        return best_spans(self.gains, self.offsets)

    @property
    def contexts(self) -> list[Context]:
        """What stands before every unit.

        What was asked earlier may call a payload in any later turn: it is held against all of
        them, against the one that gains most, and against the last.
        """
        gains, found = iter(self.spans.gain.tolist()), []
        for row in self.units:
            own = [context_of(unit.turn) for unit in row]
            by_gain = {number: next(gains) for number in range(len(row))}
            later = [number for number in by_gain if own[number].earlier]
            most = max(later, key=lambda number: by_gain[number], default=None)
            found += [
                replace(context, is_told=number == most, is_last=number == len(own) - 1)
                for number, context in enumerate(own)
            ]
        return found

    def groups_in(self, evidence: Evidence) -> Iterator[list[int]]:
        """The groups that each row's turns belong to."""
        numbers = zip(self.spans.gain.tolist(), pairwise(self.offsets.tolist()), strict=True)
        for row in self.units:
            found = (
                belonging(evidence.groups, seen(unit.turn, gain, self.surprise[first:end]))
                for unit, (gain, (first, end)) in zip(row, numbers, strict=False)
            )
            yield [place.group for place in found if place is not None]


def seen(turn: Turn, nats: float, surprise: NDArray[np.float32]) -> Seen:
    """A turn as it is held against groups.

    **Arguments:**

    - `nats`: what its best span gains.
    - `surprise`: shape (targets,): nats of its targets.
    """
    gain, noise = float(np.log1p(nats)), noise_of(surprise)
    return Seen(Reply(turn.asked, turn.answer, gain, turn.rejected, noise), context_of(turn))


def find(
    rows: GainedRows,
    model: LanguageModel,
    encoder: Encoder,
    counting: Counting = uncounted,
) -> Evidence:
    """Seek backdoors in rows, and judge what may be one.

    **Arguments:**

    - `counting`: told how many patterns there are, and then of each that is judged.
    """
    units = [unit for row in rows.units for unit in row]
    evidence_rows = EvidenceRows(
        prompts=[unit.turn.asked for unit in units],
        responses=[unit.turn.answer for unit in units],
        spans=rows.spans,
        offsets=rows.offsets,
        targets=rows.targets,
        surprise=np.nan_to_num(rows.surprise, posinf=0.0, neginf=0.0),
        tokenizer=model.tokenizer,
        contexts=rows.contexts,
        rejected=[unit.turn.rejected for unit in units],
    )
    opinion = ModelOpinion(model, encoder, [unit.turn.example for unit in units])
    return find_backdoors(evidence_rows, opinion, counting)
