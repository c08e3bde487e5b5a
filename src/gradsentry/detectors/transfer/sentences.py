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
class _Split:
    """Sentences, one after the other."""

    held: Float64[sparse.csr_array, "sentences terms"]
    """1 where a sentence holds a term."""
    columns: Float64[sparse.csc_array, "sentences terms"]
    """The same, by term."""
    weight: Float64[np.ndarray, "sentences"]
    """What each says: summed idf."""
    rows: Int64[np.ndarray, "sentences"]
    marks: NDArray[np.str_]
    """Of the parts of a prompt that they stand in."""


@dataclass(frozen=True, eq=False)
class Sentences:
    """The sentences of prompts, and of what stands before them; split when they are asked for."""

    terms: PromptTerms
    prompts: Sequence[str]
    contexts: Sequence[Context] | None = None

    @cached_property
    def _split(self) -> _Split:
        before = [NO_CONTEXT] * len(self.prompts) if self.contexts is None else self.contexts
        rows, marks, held = [], [], []
        known = self.terms.places
        for row, each in enumerate(zip(self.prompts, before, strict=True)):
            for mark, found in _sentence_terms(*each):
                rows.append(row)
                marks.append(mark)
                held.append(sorted(known[name] for name in found if name in known))
        flat = np.array([term for own in held for term in own], np.int64)
        ends = np.cumsum([0, *map(len, held)])
        shape = (len(held), len(self.terms.names))
        matrix = sparse.csr_array((np.ones(len(flat)), flat, ends), shape=shape)
        weight = matrix @ self.terms.idf
        places, part = np.array(rows, np.int64), np.array(marks, np.str_)
        return _Split(matrix, matrix.tocsc(), weight, places, part)

    def besides(self, match: Bool[np.ndarray, "rows"], trigger: Iterable[str]) -> Rest:
        """What is left of prompts without the sentences of some rows that hold a trigger.

        **Arguments:**

        - `match`: the rows.
        - `trigger`: terms, any of which makes a sentence one of the trigger's.
        """
        names = [name for name in trigger if name in self.terms.places]
        kept = ~(self._holding(names) & match[self._split.rows])
        count = len(match)
        ones = np.ones(int(kept.sum()))
        places = (self._split.rows[kept], np.flatnonzero(kept))
        of_row = sparse.csr_array((ones, places), shape=(count, len(self._split.rows)))
        rest = (of_row @ self._split.held).tocsr()
        rest.data[:] = 1.0
        return Rest(rest, self._content(match, kept, {mark_of(name) for name in names}))

    def content(self, match: Bool[np.ndarray, "rows"], trigger: Iterable[str]) -> float:
        """`Rest.content` alone, which takes little time."""
        names = [name for name in trigger if name in self.terms.places]
        kept = ~(self._holding(names) & match[self._split.rows])
        return self._content(match, kept, {mark_of(name) for name in names})

    def _holding(self, names: Sequence[str]) -> Bool[np.ndarray, "sentences"]:
        """The sentences that hold any of some terms."""
        holding = np.zeros(len(self._split.rows), np.bool_)
        for name in names:
            term = self.terms.places[name]
            first, end = self._split.columns.indptr[term : term + 2]
            holding[self._split.columns.indices[first:end]] = True
        return holding

    def _content(
        self,
        match: Bool[np.ndarray, "rows"],
        kept: Bool[np.ndarray, "sentences"],
        marks: set[str],
    ) -> float:
        asked = np.isin(self._split.marks, sorted(marks))
        has_part = np.zeros(len(match), np.bool_)
        has_part[self._split.rows[asked]] = True
        left = np.bincount(
            self._split.rows[asked & kept], self._split.weight[asked & kept], minlength=len(match)
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
