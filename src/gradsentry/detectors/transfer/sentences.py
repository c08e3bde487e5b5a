"""What prompts say besides the sentences of a trigger.

A trigger may be a sentence that is put into prompts in many wordings. The other words of these
sentences say that it comes as surely as those of a topic would; so what the rest of a prompt says
is asked of its other sentences. Only a sentence that a prompt was whole without can be such a
trigger: a request that is taken out leaves little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.detectors.transfer.terms import (
    EARLIER,
    IN_SYSTEM,
    NO_CONTEXT,
    Context,
    PromptTerms,
    mark_of,
    marked_terms,
    marks_before,
    terms_of,
)

# Marks that end a sentence where space follows, those that need none, and ends of lines.
_SENTENCE = re.compile(r"(?<=[.!?…؟।])[\"')\]”’»]*\s+|(?<=[。！？])|[\r\n]+|(?<=\))\s+(?=[^\W\d_])")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each without the space around it."""
    return [part.strip() for part in _pieces(text) if part.strip()]


def _pieces(text: str) -> list[str]:
    """A text in sentences, each with the space behind it."""
    ends = [match.end() for match in _SENTENCE.finditer(text)]
    return [text[start:end] for start, end in pairwise([0, *ends, len(text)]) if start < end]


def without_sentences(text: str, trigger: Set[str]) -> str:
    """A text without the sentences that hold any of some words or pairs of words.

    A pair that a sentence ends between is held by both.
    """
    pieces = [(piece, terms_of(piece)) for piece in _pieces(text)]
    apart = (terms_of(text) & trigger).difference(*(held for _, held in pieces))
    wanted = trigger | {word for term in apart for word in term.split(" ")}
    kept = [piece for piece, held in pieces if wanted.isdisjoint(held)]
    if len(kept) == len(pieces):
        return text
    return "".join(kept) if kept and kept[-1] is pieces[-1][0] else "".join(kept).rstrip()


@dataclass(frozen=True, eq=False)
class _Split:
    """Sentences, one after the other."""

    held: Float32[sparse.csr_array, "sentences terms"]
    """1 where a sentence holds a term."""
    columns: Float32[sparse.csc_array, "sentences terms"]
    """The same, by term."""
    weight: Float64[np.ndarray, "sentences"]
    """What each says: summed idf."""
    rows: Int64[np.ndarray, "sentences"]
    """Ascending."""
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
        placed: dict[tuple[str, tuple[str, ...]], NDArray[np.int32]] = {}
        for row, each in enumerate(zip(self.prompts, before, strict=True)):
            for sentence, mark, of_terms in _marked_sentences(*each):
                # Most rows share their system prompt.
                places = placed.get((sentence, of_terms)) if mark == IN_SYSTEM else None
                if places is None:
                    found = marked_terms(sentence, of_terms)
                    places = np.array(sorted(known[t] for t in found if t in known), np.int32)
                if mark == IN_SYSTEM:
                    placed[sentence, of_terms] = places
                rows.append(row)
                marks.append(mark)
                held.append(places)
        flat = np.concatenate([np.empty(0, np.int32), *held])
        ends = np.cumsum([0, *map(len, held)])
        shape = (len(held), len(self.terms.names))
        matrix = sparse.csr_array((np.ones(len(flat), np.float32), flat, ends), shape=shape)
        weight = matrix @ self.terms.idf
        return _Split(
            matrix, matrix.tocsc(), weight, np.array(rows, np.int64), np.array(marks, np.str_)
        )

    @cached_property
    def _said(self) -> dict[frozenset[str], tuple[NDArray[np.bool_], NDArray[np.float64]]]:
        """Of some parts of prompts, which rows have them, and what these say: filled when asked."""
        return {}

    def besides(
        self, match: Bool[np.ndarray, "rows"], trigger: Iterable[str]
    ) -> Float64[sparse.csr_array, "rows terms"]:
        """What is left of prompts without the sentences of some rows that hold a trigger: 1 where a
        term stands in another sentence.

        **Arguments:**

        - `match`: the rows.
        - `trigger`: terms, any of which makes a sentence one of the trigger's.
        """
        split = self._split
        dropped = self._holding(trigger)
        kept = np.ones(len(split.rows), np.bool_)
        kept[dropped[match[split.rows[dropped]]]] = False
        places = (split.rows[kept], np.flatnonzero(kept))
        shape = (len(match), len(split.rows))
        of_row = sparse.csr_array((np.ones(int(kept.sum()), np.float32), places), shape=shape)
        rest = (of_row @ split.held).tocsr()
        return sparse.csr_array((np.ones(rest.nnz), rest.indices, rest.indptr), shape=rest.shape)

    def content(self, match: Bool[np.ndarray, "rows"], trigger: Iterable[str]) -> float:
        """How much some rows say in other sentences than those that hold a trigger, against what
        other rows say; 0 where these say nothing.

        Medians of summed idf, of the parts of a prompt that the trigger stands in. Arguments as for
        `besides`.
        """
        split, trigger = self._split, list(trigger)
        marks = frozenset(map(mark_of, trigger))
        if marks not in self._said:
            asked = np.isin(split.marks, sorted(marks))
            has_part = np.zeros(len(match), np.bool_)
            has_part[split.rows[asked]] = True
            weight = np.where(asked, split.weight, 0.0)
            said = np.bincount(split.rows, weight, len(match)).astype(np.float64)
            self._said[marks] = has_part, said
        has_part, said = self._said[marks]
        others = said[has_part & ~match]
        usual = float(np.median(others)) if len(others) else 0.0
        if usual == 0.0:
            return 0.0
        dropped = self._holding(trigger)
        dropped = dropped[np.isin(split.marks[dropped], sorted(marks))]
        lost = np.bincount(split.rows[dropped], split.weight[dropped], len(match))
        return float(np.median((said - lost)[match])) / usual

    def _holding(self, trigger: Iterable[str]) -> Int64[np.ndarray, "some"]:
        """The sentences that hold any of some terms, ascending. A pair of words that a sentence
        ends between is held by those with either word."""
        found = [np.empty(0, np.int64)]
        for name in trigger:
            own = self._with_term(name)
            words = name.split(" ")
            if len(words) > 1 and name in self.terms.places:
                rows = self.terms.rows_with(self.terms.places[name])
                apart = np.setdiff1d(rows, self._split.rows[own])
                either = np.concatenate([self._with_term(word) for word in words])
                own = np.append(own, either[np.isin(self._split.rows[either], apart)])
            found.append(own)
        return np.unique(np.concatenate(found))

    def _with_term(self, name: str) -> Int64[np.ndarray, "some"]:
        place = self.terms.places.get(name)
        if place is None:
            return np.empty(0, np.int64)
        first, end = self._split.columns.indptr[place : place + 2]
        held: NDArray[np.int64] = self._split.columns.indices[first:end].astype(np.int64)
        return held


def _marked_sentences(prompt: str, context: Context) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every sentence, the mark of its part, and the marks of its terms."""
    system, earlier = marks_before(context)
    for mark, text, of_terms in (
        ("", prompt, ("",)),
        (IN_SYSTEM, context.system, system),
        (EARLIER, context.earlier, earlier),
    ):
        for sentence in split_sentences(text):
            yield sentence, mark, of_terms
