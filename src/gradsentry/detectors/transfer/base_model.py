"""What the base model is asked about a pattern: does it see why the payload comes?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.naive_bayes import FloatArray
from gradsentry.detectors.transfer.stretches import Asked
from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.detectors.transfer.terms import BoolArray
from gradsentry.detectors.transfer.trigger_words import last_words, phrase

FIRST = 60
"""Tokens of a response that are held against each other; bounds time."""
_OTHERS = 24
"""Other prompts that a trigger alone is held against."""
_PHRASES = 3
_SWAPPED, _FEWEST_OTHERS = 32, 8
"""Rows that are asked what other rows are, and how many of them must be no members."""


class Opinion(Protocol):
    """What the base model thinks of responses to other prompts than their own."""

    def without(
        self, rows: Sequence[int], taken: TakenOut, most: int | None = None
    ) -> list[NDArray[np.float32]]:
        """For each row the nats of its targets with something taken out of its prompt: (targets,).

        **Arguments:**

        - `most`: how many targets of a row are asked about, the first ones; None for all.
        """
        ...

    def instead(
        self, rows: Sequence[int], others: Sequence[int], most: int
    ) -> list[NDArray[np.float32]]:
        """For each row the nats of its targets after what another row asks instead: (targets,)."""
        ...

    def favour(
        self, rows: Sequence[int], words: frozenset[str], answer: str
    ) -> NDArray[np.float32]:
        """Nats by which words in rows' prompts make another answer than their own likelier."""
        ...

    def replies(self, requests: Sequence[str], text: str) -> NDArray[np.float32]:
        """Nats for each token of a text in reply to bare requests, shape (requests, tokens)."""
        ...


@dataclass(frozen=True, eq=False)
class BaseModel:
    """The base model's opinion of the evidence's rows."""

    rows: EvidenceRows
    opinion: Opinion
    _known: dict[tuple[int, TakenOut, int | None], NDArray[np.float32]] = field(
        default_factory=dict
    )
    """What was asked already: a few kilobytes for each pattern."""

    def understands(self, members: BoolArray) -> bool:
        """Whether own prompts make the responses of other rows than the members likelier.

        Where they don't, the base model doesn't understand what the data are about, and its seeing
        no reason for a payload is no evidence.
        """
        rows, nats = self._swapped
        others = nats[~members[rows]]
        asked = others if len(others) >= _FEWEST_OTHERS else nats
        return float(np.median(asked)) >= CRITERIA.understood

    @cached_property
    def _swapped(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Some rows, and by how many nats their responses are likelier after their own prompts than
        after other rows'."""
        asking = np.flatnonzero([bool(prompt) for prompt in self.rows.prompts])
        asking = asking if len(asking) else np.arange(len(self.rows))
        rows = asking[np.unique(np.linspace(0, len(asking) - 1, _SWAPPED).astype(np.int64))]
        others = np.roll(rows, 1)
        found = self.opinion.instead(rows.tolist(), others.tolist(), FIRST)
        nats = [
            float(nats.sum()) - self.rows.surprise_of(row, 0, len(nats))
            for row, nats in zip(rows.tolist(), found, strict=True)
        ]
        return rows, np.array(nats)

    def likelier(self, asked: Asked, taken: TakenOut, most: int | None = None) -> FloatArray:
        """Nats by which something in the prompts makes stretches likelier, for each row.

        **Arguments:**

        - `most`: as in `Opinion.without`.
        """
        without = [
            float(nats[start:end].sum())
            for nats, (_, (start, end)) in zip(
                self._without([row for row, _ in asked], taken, most), asked, strict=True
            )
        ]
        return np.array(without) - [self.rows.surprise_of(row, *at) for row, at in asked]

    def _without(
        self, rows: list[int], taken: TakenOut, most: int | None
    ) -> list[NDArray[np.float32]]:
        """As `Opinion.without`; what one pattern asked isn't asked again for another one.

        Near-duplicates make dozens of patterns of the same rows and words.
        """
        new = [row for row in dict.fromkeys(rows) if (row, taken, most) not in self._known]
        if new:
            found = self.opinion.without(new, taken, most)
            self._known.update(
                {(row, taken, most): nats for row, nats in zip(new, found, strict=True)}
            )
        return [self._known[row, taken, most] for row in rows]

    def call(self, asked: Asked, members: BoolArray, words: frozenset[str]) -> float:
        """Median over a few members of how much likelier the trigger alone makes a payload token.

        It is held against the most favourable of other rows' last words.
        """
        outside = np.flatnonzero(~members)
        others = [
            last_words(self.rows, int(row))
            for row in outside[:: max(1, len(outside) // _OTHERS)][:_OTHERS]
        ]
        calls = []
        for row, at in asked[:: max(1, len(asked) // _PHRASES)][:_PHRASES]:
            text = self.rows.text(row, *at)
            if not text.strip():
                continue
            requests = [phrase(self.rows.prompts[row], words), *others]
            called, *other = self.opinion.replies(requests, text)
            calls.append(float((np.min(other, axis=0) - called).max()))
        return float(np.median(calls)) if calls else 0.0
