"""The turns of encoded rows, each with its stretch of the row's targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradsentry.detectors.transfer.terms import BoolArray, Context
from gradsentry.records import Example, Turn, turns_of, whole_row


@dataclass(frozen=True, slots=True)
class Unit:
    """A turn, and which of its row's targets are its own."""

    turn: Turn
    first: int
    """Its first target, counted from the row's first."""
    end: int
    """Behind its last."""


def target_runs(mask: BoolArray) -> list[int]:
    """The lengths of the stretches of neighbouring targets in a row; `mask` has shape (tokens,)."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    lengths: list[int] = (edges[1::2] - edges[::2]).tolist()
    return lengths


def units_of(example: Example, runs: Sequence[int]) -> list[Unit]:
    """A row's turns; the whole row where its targets don't fall into as many stretches.

    They don't where a trainer learns from everything, or a template writes two turns as one.

    **Arguments:**

    - `runs`: lengths of the row's stretches of targets, as `target_runs` gives them.
    """
    turns = turns_of(example)
    if len(turns) == len(runs) + 1 and not turns[-1].answer:
        turns = turns[:-1]  # the row was cut off before it
    if len(turns) != len(runs):
        return [Unit(whole_row(example), 0, sum(runs))]
    ends = np.cumsum(runs).tolist()
    return [
        Unit(turn, end - count, end) for turn, count, end in zip(turns, runs, ends, strict=True)
    ]


def context_of(turn: Turn) -> Context:
    """What stands before that which a turn answers."""
    return Context(turn.system, turn.earlier)
