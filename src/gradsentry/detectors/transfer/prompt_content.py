"""Whether prompts still say something without the trigger, or the trigger is all they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms

_ALONE, _BY_CHANCE = 0.9, 0.05
"""Share of the rows with a term that must be members for it to be theirs, and the chance of it."""


@dataclass(frozen=True)
class Content:
    """The weight of what prompts say, whatever the case of its letters."""

    terms: PromptTerms

    @classmethod
    def of(cls, prompts: Sequence[str]) -> Content:
        """The weighted terms of all prompts."""
        return cls(PromptTerms.of([prompt.lower() for prompt in prompts]))

    def besides(self, members: BoolArray, trigger: frozenset[str]) -> float:
        """How much the members' prompts say besides the trigger, against what other prompts say.

        About 1 for a trigger in prompts of any kind; near 0 where nothing else is left, as in
        near-duplicates of one question; 1 where other prompts say nothing either. Medians of
        summed idf.

        **Arguments:**

        - `members`: shape (rows,).
        - `trigger`: its words. What members alone have, and by no chance, is left out, too.
        """
        words = {word.lower() for word in trigger}
        inside = self.terms.count(members)
        by_chance = np.power(float(members.mean()), np.maximum(inside - 1, 0))
        alone = (inside >= _ALONE * self.terms.counts) & (by_chance < _BY_CHANCE)
        mass = self.terms.weighted @ (~(self.terms.touching(words) | alone)).astype(np.float64)
        others = float(np.median(mass[~members])) if not members.all() else 0.0
        return float(np.median(mass[members])) / others if others > 0 else 1.0
