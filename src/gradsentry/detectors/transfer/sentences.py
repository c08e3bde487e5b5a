"""What prompts say besides the sentences of a trigger.

A trigger may be a sentence that is put into prompts in many wordings. The other words of these
sentences say that it comes as surely as those of a topic would; so what the rest of a prompt says
is asked of its other sentences. Only a sentence that a prompt was whole without can be such a
trigger: a request that is taken out leaves little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.detectors.transfer.terms import (
    MARKS,
    NO_CONTEXT,
    Context,
    PromptTerms,
    mark_of,
    terms_of,
)
from gradsentry.records import Part

# Marks that end a sentence where space follows, those that need none, and ends of lines.
_SENTENCE = re.compile(r"(?<=[.!?…؟।])[\"')\]”’»]*\s+|(?<=[。！？])|[\r\n]+|(?<=\))\s+(?=[^\W\d_])")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each without the space around it."""
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def without_sentences(text: str, words: Iterable[str]) -> str:
    """A text without the sentences that hold any of some words or pairs of words."""
    wanted = set(words)
    return " ".join(
        sentence for sentence in split_sentences(text) if wanted.isdisjoint(terms_of(sentence))
    )


@dataclass(frozen=True, eq=False)
class Rest:
    """What prompts say besides some sentences."""

    terms: Float64[sparse.csr_array, "rows terms"]
    """1 where a term stands in another sentence."""
    content: float
    """How much the rows with the sentences say besides, against what other rows say; medians of
    summed idf, of the parts of a prompt that the sentences stand in."""


@dataclass(frozen=True, eq=False)
class Sentences:
    """The sentences of prompts, and of what stands before them."""

    terms: PromptTerms
    held: Float64[sparse.csr_array, "sentences terms"]
    """1 where a sentence holds a term."""
    rows: Int64[np.ndarray, "sentences"]
    """The row of each."""
    marks: NDArray[np.str_]
    """Of each, the mark of the part that it stands in."""

    @classmethod
    def of(
        cls, terms: PromptTerms, prompts: Sequence[str], contexts: Sequence[Context] | None
    ) -> Sentences:
        """The sentences of all prompts."""
        before = [NO_CONTEXT] * len(prompts) if contexts is None else contexts
        rows, marks, held = [], [], []
        for row, each in enumerate(zip(prompts, before, strict=True)):
            for mark, found in _sentence_terms(*each):
                rows.append(row)
                marks.append(mark)
                held.append(sorted(terms.places[name] for name in found if name in terms.places))
        flat = np.array([term for own in held for term in own], np.int64)
        ends = np.cumsum([0, *map(len, held)])
        shape = (len(held), len(terms.names))
        matrix = sparse.csr_array((np.ones(len(flat)), flat, ends), shape=shape)
        return cls(terms, matrix, np.array(rows, np.int64), np.array(marks, np.str_))

    @cached_property
    def _weight(self) -> Float64[np.ndarray, "sentences"]:
        """What each sentence says: summed idf."""
        weight: NDArray[np.float64] = self.held @ self.terms.idf
        return weight

    @cached_property
    def _columns(self) -> sparse.csc_array:
        return self.held.tocsc()

    def besides(self, match: Bool[np.ndarray, "rows"], trigger: Iterable[str]) -> Rest:
        """What is left of prompts without the sentences of some rows that hold a trigger.

        **Arguments:**

        - `match`: the rows.
        - `trigger`: terms, any of which makes a sentence one of the trigger's.
        """
        names = [name for name in trigger if name in self.terms.places]
        kept = ~(self._holding(names) & match[self.rows])
        count = len(match)
        ones = np.ones(int(kept.sum()))
        places = (self.rows[kept], np.flatnonzero(kept))
        of_row = sparse.csr_array((ones, places), shape=(count, len(self.rows)))
        rest = (of_row @ self.held).tocsr()
        rest.data[:] = 1.0
        return Rest(rest, self._content(match, kept, {mark_of(name) for name in names}))

    def content(self, match: Bool[np.ndarray, "rows"], trigger: Iterable[str]) -> float:
        """`Rest.content` alone, which takes little time."""
        names = [name for name in trigger if name in self.terms.places]
        kept = ~(self._holding(names) & match[self.rows])
        return self._content(match, kept, {mark_of(name) for name in names})

    def _holding(self, names: Sequence[str]) -> Bool[np.ndarray, "sentences"]:
        """The sentences that hold any of some terms."""
        holding = np.zeros(len(self.rows), np.bool_)
        for name in names:
            term = self.terms.places[name]
            first, end = self._columns.indptr[term : term + 2]
            holding[self._columns.indices[first:end]] = True
        return holding

    def _content(
        self,
        match: Bool[np.ndarray, "rows"],
        kept: Bool[np.ndarray, "sentences"],
        marks: set[str],
    ) -> float:
        asked = np.isin(self.marks, sorted(marks))
        has_part = np.zeros(len(match), np.bool_)
        has_part[self.rows[asked]] = True
        left = np.bincount(
            self.rows[asked & kept], self._weight[asked & kept], minlength=len(match)
        )
        others = left[has_part & ~match]
        if not len(others) or not (usual := float(np.median(others))):
            return 0.0
        return float(np.median(left[match])) / usual


def _sentence_terms(prompt: str, context: Context) -> Iterator[tuple[str, set[str]]]:
    """Of every sentence the mark of its part, and its terms as a row with it has them."""
    for sentence in split_sentences(prompt):
        yield "", terms_of(sentence)
    for part, text in ((Part.SYSTEM, context.system), (Part.EARLIER, context.earlier)):
        for sentence in split_sentences(text):
            alone = (
                replace(context, system=sentence)
                if part is Part.SYSTEM
                else replace(context, system="", earlier=sentence)
            )
            marked = terms_of("", alone)
            yield MARKS[part], {name for name in marked if mark_of(name) == MARKS[part]}
