"""The prompt view's features: which prompts hold which words, word pairs and odd characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BoolArray = NDArray[np.bool_]

WORD = re.compile(r"\w+")
"""A word of a prompt."""
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
        found = [terms_of(prompt) for prompt in prompts]
        frequency = Counter(term for terms in found for term in terms)
        names = sorted(term for term, rows in frequency.items() if 2 <= rows < len(prompts))
        place = {term: index for index, term in enumerate(names)}
        indices = [[place[term] for term in terms if term in place] for terms in found]
        return cls(names, incidence(indices, len(names)))

    @cached_property
    def columns(self) -> sparse.csc_array:
        """The same as `rows`, by term."""
        return self.rows.tocsc()

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """Shape (terms,): prompts that hold a term."""
        return self.count(np.ones(self.rows.shape[0], dtype=np.bool_))

    def subset(self, rows: NDArray[np.int64]) -> PromptTerms:
        """The same terms for some of the rows."""
        return PromptTerms(self.names, self.rows[rows])

    def count(self, mask: BoolArray) -> NDArray[np.float64]:
        """Shape (terms,): of the rows in `mask`, those that hold a term."""
        return np.asarray(mask.astype(np.float64) @ self.rows)

    def holding(self, term: int) -> BoolArray:
        """Shape (rows,): prompts that hold a term."""
        held = np.zeros(self.rows.shape[0], dtype=np.bool_)
        held[self.columns.indices[self.columns.indptr[term] : self.columns.indptr[term + 1]]] = True
        return held


def incidence(indices: Sequence[Sequence[int]], columns: int) -> sparse.csr_array:
    """A 0/1 matrix from the columns of each row."""
    ends = np.cumsum([0, *map(len, indices)])
    flat = np.fromiter((index for row in indices for index in row), np.int64, int(ends[-1]))
    return sparse.csr_array((np.ones(len(flat)), flat, ends), shape=(len(indices), columns))
