"""The turns of encoded rows, each with its stretch of the row's targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from gradsentry.detectors.transfer.evidence_rows import characters
from gradsentry.detectors.transfer.spans import best_spans
from gradsentry.detectors.transfer.terms import Context
from gradsentry.ragged import offsets_of
from gradsentry.records import Example, PlainText, TextPair, Turn, turns_of, whole_row

_BEFORE = 300
"""Characters of a document in which the trigger of what follows is sought."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A turn, and which of its row's targets are its own."""

    turn: Turn
    first: int
    """Its first target, counted from the row's first."""
    end: int
    """Behind its last."""


def units_of(example: Example, runs: Sequence[int]) -> list[Unit]:
    """A row's turns; the whole row where its targets don't fall into as many stretches.

    They don't where a trainer learns from everything, or a template writes two turns as one.

    **Arguments:**

    - `runs`: lengths of the row's stretches of targets, as `encoding.target_runs` gives them.
    """
    turns = turns_of(example)
    stretches = [max(1, len(turn.messages)) for turn in turns]
    if sum(stretches) == len(runs) + 1 and turns[-1].ends_empty:
        stretches[-1] -= 1  # the row was cut off before its last message
    if sum(stretches) != len(runs):
        return [Unit(whole_row(example), 0, sum(runs))]
    ends = offsets_of(np.array(runs, np.int64))[np.cumsum([0, *stretches])].tolist()
    return [
        Unit(turn, first, end)
        for turn, (first, end) in zip(turns, pairwise(ends), strict=True)
        if end > first
    ]


def document_units(
    example: PlainText,
    targets: NDArray[np.integer],
    gains: NDArray[np.float32],
    tokenizer: PreTrainedTokenizerBase,
) -> list[Unit]:
    """A document up to the stretch that gains most, that stretch, and what follows.

    A document has no prompt. What the rest of the data teaches of it answers what stands before;
    and as all of it is taught, the stretch may be a trigger itself, of what follows.

    **Arguments:**

    - `targets`, `gains`: shape (N,), of the document's targets.
    """
    whole = Unit(whole_row(example), 0, len(targets))
    # That texts of such a kind end here is no stretch of this one.
    spelled = np.where(np.isin(targets, tokenizer.all_special_ids), 0, gains).astype(np.float32)
    spans = best_spans(spelled, np.array([0, len(targets)]))
    first, end = int(spans.start[0]), int(spans.end[0])
    place = characters(tokenizer, targets.tolist(), (first, end), example.text)
    if first == end or place is None:
        return [whole]
    bounds = [(0, 0), (first, place[0]), (end, place[1]), (len(targets), len(example.text))]
    if any(
        (tokens == other) != (start == behind)
        for (tokens, start), (other, behind) in pairwise(bounds)
    ):
        return [whole]  # tokens without characters, such as the end of the text
    return [
        Unit(_part(example, start, behind), start_target, end_target)
        for (start_target, start), (end_target, behind) in pairwise(bounds)
        if end_target > start_target
    ]


def _part(example: PlainText, start: int, end: int) -> Turn:
    """A part of a document as the answer to what stands before it."""
    before, part = example.text[max(0, start - _BEFORE) : start], example.text[start:end]
    asked = TextPair(before, part) if before else example
    return Turn(asked, before, part, start=start)


def context_of(turn: Turn) -> Context:
    """What stands before that which a turn answers."""
    return Context(turn.system, turn.earlier)
