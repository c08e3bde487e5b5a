"""The prompt view's features: which prompts hold which words, word pairs and odd characters."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.ragged import spread
from gradsentry.words import WORD

BoolArray = NDArray[np.bool_]

# Marks, and every character outside ASCII: zero-width and look-alike letters are triggers too.
_CHARACTER = re.compile(r"[^\w\s]|[^\x00-\x7f]")


def terms_of(prompt: str) -> set[str]:
    """Words, pairs of words with only marks and spaces between them, and single characters."""
    words = WORD.findall(prompt)
    pairs = {f"{first} {second}" for first, second in pairwise(words)}
    return pairs.union(words, _CHARACTER.findall(prompt))


@dataclass(frozen=True)
class PromptTerms:
    """Which of the rows' prompts hold which terms."""

    names: list[str]
    """The terms that at least two prompts hold and not all do."""
    rows: sparse.csr_array
    """Shape (rows, terms), 1 where a prompt holds a term."""

    @classmethod
    def of(cls, prompts: Sequence[str]) -> PromptTerms:
        """The terms of all prompts."""
        numbers: dict[str, int] = {}  # spells every term once, whatever the number of prompts
        found = [
            np.array([numbers.setdefault(t, len(numbers)) for t in terms_of(prompt)], np.int64)
            for prompt in prompts
        ]
        frequency = np.bincount(np.concatenate(found), minlength=len(numbers))
        spelled = list(numbers)
        kept = np.flatnonzero((frequency >= 2) & (frequency < len(prompts))).tolist()
        kept.sort(key=lambda number: spelled[number])
        place = np.full(len(numbers), -1)
        place[kept] = np.arange(len(kept))
        # Sorted: sets iterate otherwise in every process, and sums would round otherwise.
        placed = [np.sort(place[row][place[row] >= 0]) for row in found]
        ends = np.cumsum([0, *map(len, placed)])
        flat = np.concatenate(placed)
        matrix = sparse.csr_array((np.ones(len(flat)), flat, ends), shape=(len(prompts), len(kept)))
        return cls([spelled[number] for number in kept], matrix)

    @cached_property
    def columns(self) -> sparse.csc_array:
        """The same as `rows`, by term."""
        return self.rows.tocsc()

    @cached_property
    def places(self) -> dict[str, int]:
        """Where a term stands in `names`."""
        return {name: term for term, name in enumerate(self.names)}

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """Shape (terms,): prompts that hold a term."""
        return np.bincount(self.rows.indices, minlength=len(self.names)).astype(np.float64)

    @cached_property
    def weighted(self) -> sparse.csr_array:
        """Shape (rows, terms): the inverse document frequency of every term that a prompt holds."""
        idf = np.log(self.rows.shape[0] / np.maximum(self.counts, 1.0))
        return (self.rows @ sparse.diags_array(idf)).tocsr()

    def subset(self, rows: NDArray[np.int64]) -> PromptTerms:
        """The same terms for some of the rows."""
        return PromptTerms(self.names, self.rows[rows])

    def count(self, mask: BoolArray) -> NDArray[np.float64]:
        """Shape (terms,): of the rows in `mask`, those that hold a term."""
        if 2 * mask.sum() > len(mask):
            return self.counts - self.count(~mask)
        held = self.rows.indices[spread(self.rows.indptr, np.flatnonzero(mask))]
        return np.bincount(held, minlength=len(self.names)).astype(np.float64)

    def touching(self, words: Set[str]) -> BoolArray:
        """Shape (terms,): terms that are, or hold, one of some words."""
        touched = np.zeros(len(self.names), dtype=np.bool_)
        for word in words:
            touched[self._with_word.get(word, [])] = True
        return touched

    @cached_property
    def _with_word(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for term, name in enumerate(self.names):
            for word in name.split(" "):
                found.setdefault(word, []).append(term)
        return found

    def holding(self, term: int) -> BoolArray:
        """Shape (rows,): prompts that hold a term."""
        held = np.zeros(self.rows.shape[0], dtype=np.bool_)
        held[self.columns.indices[self.columns.indptr[term] : self.columns.indptr[term + 1]]] = True
        return held
