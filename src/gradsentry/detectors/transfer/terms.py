"""The prompt view's features: which prompts hold which words, word pairs and odd characters.

A word of the system prompt, or of what was asked earlier in a conversation, is another term than
the same word in what was asked last: a mark in front of it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.hashes import HashedRows, Hashes, hashed, held_in, places_in
from gradsentry.ragged import spread
from gradsentry.records import Part
from gradsentry.words import WORD

BoolArray = NDArray[np.bool_]

# Marks, and every character outside ASCII: zero-width and look-alike letters are triggers too.
_CHARACTER = re.compile(r"[^\w\s]|[^\x00-\x7f]")


# Private characters, which are no words: no text's own terms begin with one and go on.
IN_SYSTEM, IN_SYSTEM_LATER, EARLIER = "\ue000", "\ue001", "\ue002"
"""In front of the words of the system prompt, of that before a later turn than the first, and of
what was asked earlier."""
IN_SYSTEM_ONCE, EARLIER_ONCE = "\ue003", "\ue004"
"""The same, in front of the one turn of a row that they are held against."""
IN_SYSTEM_LAST, EARLIER_LAST = "\ue005", "\ue006"
"""The same, in front of the last turn of a row."""
_PLACES = {
    IN_SYSTEM: IN_SYSTEM,
    IN_SYSTEM_LATER: IN_SYSTEM,
    IN_SYSTEM_ONCE: IN_SYSTEM,
    IN_SYSTEM_LAST: IN_SYSTEM,
    EARLIER: EARLIER,
    EARLIER_ONCE: EARLIER,
    EARLIER_LAST: EARLIER,
}
_MARKS = tuple(_PLACES)


@dataclass(frozen=True, slots=True)
class Context:
    """What stands before that which was asked last."""

    system: str = ""
    earlier: str = ""
    is_told: bool = True
    """Whether this is the turn of its row that most probably says what was called for earlier."""
    is_last: bool = True
    """Whether this is the last turn of its row."""


NO_CONTEXT = Context()


def terms_of(prompt: str, context: Context = NO_CONTEXT) -> set[str]:
    """Words, pairs of words with only marks and spaces between them, and single characters.

    Those of what stands before come several times: what they call may come in all turns, in all
    later ones than the first, or in one of these, as in the last.
    """
    system, earlier = marks_before(context)
    return (
        _terms(prompt)
        | marked_terms(context.system, system)
        | marked_terms(context.earlier, earlier)
    )


def marks_before(context: Context) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The marks of the system prompt's words, and of those that were asked earlier."""
    later = (
        (IN_SYSTEM_LATER, EARLIER, True),
        (IN_SYSTEM_ONCE, EARLIER_ONCE, context.is_told),
        (IN_SYSTEM_LAST, EARLIER_LAST, context.is_last),
    )
    held = [marks for *marks, holds in later if holds and context.earlier]
    return (IN_SYSTEM, *(mark for mark, _ in held)), tuple(mark for _, mark in held)


def marked_terms(text: str, marks: Sequence[str]) -> set[str]:
    """The terms of a text, each with every mark in front of its words."""
    terms = _terms(text) if text and marks else set()
    return {
        " ".join(mark + word for word in words)
        for words in (term.split(" ") for term in terms)
        for mark in marks
    }


MARKS = {Part.SYSTEM: IN_SYSTEM, Part.EARLIER: EARLIER, Part.ASKED: ""}
"""In front of the words of a conversation's parts."""


def mark_of(term: str) -> str:
    """`IN_SYSTEM`, `EARLIER`, or nothing for what was asked last: where a term stands."""
    mark = _raw_mark(term)
    return _PLACES.get(mark, mark)


def _raw_mark(term: str) -> str:
    return term[0] if len(term) > 1 and term[0] in _MARKS else ""


def bare(term: str) -> str:
    """A term as its text has it, without the marks that say where it stands."""
    return re.sub(f"[{''.join(_MARKS)}](?!$| )", "", term)


def _terms(text: str) -> set[str]:
    words = WORD.findall(text)
    pairs = {f"{first} {second}" for first, second in pairwise(words)}
    return pairs.union(words, _CHARACTER.findall(text))


def placed_terms(prompt: str) -> Iterator[tuple[str, int]]:
    """The words, characters and pairs of words that are terms, each with where it starts."""
    for match in _CHARACTER.finditer(prompt):
        yield match[0], match.start()
    before = None
    for match in WORD.finditer(prompt):
        yield match[0], match.start()
        if before is not None:
            yield f"{before[0]} {match[0]}", before.start()
        before = match


def _spelled(
    prompts: Sequence[str],
    contexts: Sequence[Context],
    held: Sequence[NDArray[np.int64]],
    values: Hashes,
) -> list[str]:
    """The terms that have these hashes, each spelled by the first prompt that holds it."""
    names = [""] * len(values)
    unknown = np.ones(len(values), dtype=np.bool_)
    for prompt, context, places in zip(prompts, contexts, held, strict=True):
        if unknown[places].any():
            terms = np.array(list(terms_of(prompt, context)), dtype=object)
            own = hashed(terms)
            known = held_in(own, values)
            for term, place in zip(terms[known], places_in(own[known], values), strict=True):
                names[place] = term
            unknown[places] = False
    return names


@dataclass(frozen=True)
class PromptTerms:
    """Which of the rows' prompts hold which terms."""

    names: list[str]
    """The terms that at least two prompts hold and not all do."""
    rows: sparse.csr_array
    """Shape (rows, terms), 1 where a prompt holds a term."""

    @classmethod
    def of(cls, prompts: Sequence[str], contexts: Sequence[Context] | None = None) -> PromptTerms:
        """The terms of all prompts, and of what stands before them."""
        before = [NO_CONTEXT] * len(prompts) if contexts is None else contexts
        asked = zip(prompts, before, strict=True)
        hashes = HashedRows.of(hashed(terms_of(*each)) for each in asked)
        values, frequency = hashes.frequencies(2)
        values = values[frequency < len(prompts)]
        rows = (hashes[row] for row in range(len(hashes)))
        held = [places_in(own[held_in(own, values)], values) for own in rows]
        names = _spelled(prompts, before, held, values)
        order = sorted(range(len(names)), key=names.__getitem__)
        place = np.empty(len(names), np.int64)
        place[order] = np.arange(len(names))
        # Sorted: hashes are others in every process, and sums would round otherwise.
        placed = [np.sort(place[own]) for own in held]
        flat = np.concatenate([np.empty(0, np.int64), *placed])
        ends = np.cumsum([0, *map(len, placed)])
        shape = (len(prompts), len(names))
        matrix = sparse.csr_array((np.ones(len(flat)), flat, ends), shape=shape)
        return cls([names[number] for number in order], matrix)

    @cached_property
    def columns(self) -> sparse.csc_array:
        """The same as `rows`, by term."""
        return self.rows.tocsc()

    @cached_property
    def places(self) -> dict[str, int]:
        """Where a term stands in `names`."""
        return {name: term for term, name in enumerate(self.names)}

    @cached_property
    def are_single(self) -> BoolArray:
        """Shape (terms,): terms that are one word or character, and no pair of words."""
        return np.fromiter((" " not in name for name in self.names), np.bool_, len(self.names))

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """Shape (terms,): prompts that hold a term."""
        return np.bincount(self.rows.indices, minlength=len(self.names)).astype(np.float64)

    @cached_property
    def idf(self) -> NDArray[np.float64]:
        """Shape (terms,): inverse document frequencies, in nats."""
        idf: NDArray[np.float64] = np.log(self.rows.shape[0] / np.maximum(self.counts, 1.0))
        return idf

    @cached_property
    def weighted(self) -> sparse.csr_array:
        """Shape (rows, terms): the inverse document frequency of every term that a prompt holds."""
        return self.weigh(self.rows)

    def weigh(self, held: sparse.csr_array) -> sparse.csr_array:
        """Texts by their terms (texts, terms), each as often as it is held times its idf."""
        return (held @ sparse.diags_array(self.idf)).tocsr()

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
        """Shape (terms,): terms that are, or hold, one of some words, where these stand."""
        touched = np.zeros(len(self.names), dtype=np.bool_)
        for word in words:
            touched[self._with_word.get((mark_of(word), bare(word)), [])] = True
        return touched

    def among(self, words: Set[str]) -> BoolArray:
        """Shape (rows,): rows that have a place where some words stand.

        A word of an earlier turn says nothing of rows without one.
        """
        marks = {_raw_mark(word) for word in words}
        if not marks or "" in marks:
            return np.ones(self.rows.shape[0], dtype=np.bool_)
        marked = np.array([_raw_mark(name) in marks for name in self.names], np.float64)
        having: BoolArray = self.rows @ marked > 0
        return having

    @cached_property
    def _with_word(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for term, name in enumerate(self.names):
            for word in name.split(" "):
                found.setdefault((mark_of(word), bare(word)), []).append(term)
        return found

    def distinct(self, wanted: BoolArray) -> NDArray[np.int64]:
        """Of the wanted terms those in different rows, the longest of each kind, ascending."""
        kept: dict[bytes, int] = {}
        for term in np.flatnonzero(wanted).tolist():
            key = self.rows_with(term).tobytes()
            if key not in kept or len(self.names[term]) > len(self.names[kept[key]]):
                kept[key] = term
        return np.array(sorted(kept.values()), np.int64)

    def holding(self, term: int) -> BoolArray:
        """Shape (rows,): prompts that hold a term."""
        held = np.zeros(self.rows.shape[0], dtype=np.bool_)
        held[self.rows_with(term)] = True
        return held

    def rows_with(self, term: int) -> NDArray[np.int32]:
        """The rows whose prompts hold a term, ascending."""
        rows: NDArray[np.int32]
        rows = self.columns.indices[self.columns.indptr[term] : self.columns.indptr[term + 1]]
        return rows
