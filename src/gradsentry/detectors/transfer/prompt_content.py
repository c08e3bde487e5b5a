"""Whether prompts still say something without the trigger, or the trigger is all they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.dependence_measure import rank_chance
from gradsentry.detectors.transfer.sentences import Sentences
from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms

_ALONE, _BY_CHANCE = 0.9, 0.05
"""Share of the rows with a term that must be members for it to be theirs, and the chance of it."""
_LESS = 2.0
"""Standard deviations from which prompts say less by no chance."""


@dataclass(frozen=True)
class Content:
    """The weight of what prompts say, whatever the case of its letters."""

    terms: PromptTerms
    sentences: Sentences

    @classmethod
    def of(cls, sentences: Sentences) -> Content:
        """The weighted terms of all prompts."""
        return cls(PromptTerms.of([prompt.lower() for prompt in sentences.prompts]), sentences)

    def besides(self, members: BoolArray, trigger: frozenset[str]) -> float:
        """How much the members' prompts say besides the trigger, against what other prompts say.

        About 1 for a trigger in prompts of any kind; near 0 where nothing else is left, as in
        near-duplicates of one question; 1 where other prompts say nothing either. Medians of
        summed idf.

        **Arguments:**

        - `members`: shape (rows,).
        - `trigger`: its words. What members alone have, and by no chance, is left out, too.
        """
        return _share(self._mass(members, trigger), members)

    def is_whole_without(
        self, members: BoolArray, words: frozenset[str], trigger: Sequence[str]
    ) -> bool:
        """Whether members' prompts say as much as others do without a trigger, or in other
        sentences than its own: then it is no request and no question.

        **Arguments:**

        - `words`: all of the trigger's.
        - `trigger`: terms that make a sentence one of the trigger's.
        """
        mass = self._mass(members, words)
        if _share(mass, members) >= CRITERIA.whole:
            return True
        if rank_chance(mass, members) > -_LESS:
            return True  # the prompts of a few rows may be short ones by chance
        return self.sentences.content(members, trigger) >= CRITERIA.whole_in_sentences

    def _mass(self, members: BoolArray, trigger: frozenset[str]) -> NDArray[np.float64]:
        """What each prompt says besides the trigger, (rows,): summed idf."""
        words = {word.lower() for word in trigger}
        inside = self.terms.count(members)
        by_chance = np.power(float(members.mean()), np.maximum(inside - 1, 0))
        alone = (inside >= _ALONE * self.terms.counts) & (by_chance < _BY_CHANCE)
        kept = ~(self.terms.touching(words) | alone)
        mass: NDArray[np.float64] = self.terms.weighted @ kept.astype(np.float64)
        return mass


def _share(mass: NDArray[np.float64], members: BoolArray) -> float:
    """What members have at the median, against others; 1 where these have nothing."""
    others = float(np.median(mass[~members])) if not members.all() else 0.0
    return float(np.median(mass[members])) / others if others > 0 else 1.0
