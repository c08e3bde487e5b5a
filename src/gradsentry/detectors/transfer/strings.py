"""The recurrence view: strings of words that several responses share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.detectors.transfer.terms import BoolArray
from gradsentry.hashes import HashedRows, Hashes, hashed
from gradsentry.words import WORD, word_count

_TOKEN = re.compile(rf"{WORD.pattern}|[^\w\s]")
_LONGEST = 6
_FEWEST_ROWS = 4
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_WHOLE = np.uint64(0xD1B54A32D192ED03)
_COMMONEST = 0.97
"""What nearly all responses hold is format."""
_MOST_ALIKE, _SAME_SIZE, _DRAWS = 4, 1.5, 2
"""Strings in nearly the same rows that are kept: of about as many rows, and with the same rows
drawn from them. Near-duplicates share a few strings for every word, each in rows of its own."""


@dataclass(frozen=True)
class RecurringString:
    """Words and marks that follow each other, or a whole response."""

    tokens: tuple[str, ...]
    whole: bool

    @property
    def telling(self) -> bool:
        """Whether it says much about a response that it holds this."""
        return self.whole or word_count(self.tokens) >= 3

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds the string in a response, whatever the spaces between its tokens."""
        body = r"\s*+".join(map(re.escape, self.tokens))
        return re.compile(rf"\A\s*+{body}\s*+\Z" if self.whole else body)


@dataclass(frozen=True)
class RecurringStrings:
    """The strings that recur; of those in the very same rows, the longest."""

    strings: list[RecurringString]
    columns: sparse.csc_array
    """Shape (rows, strings), 1 where a response holds a string."""

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Shape (strings,): responses that hold a string."""
        sizes: NDArray[np.int64] = np.diff(self.columns.indptr).astype(np.int64)
        return sizes

    def holding(self, string: int) -> BoolArray:
        """Shape (rows,): responses that hold a string."""
        held = np.zeros(self.columns.shape[0], dtype=np.bool_)
        start, end = self.columns.indptr[string : string + 2]
        held[self.columns.indices[start:end]] = True
        return held


def recurring_strings(responses: Sequence[str]) -> RecurringStrings:
    """Strings of up to six words or marks, and whole responses, in four rows or more.

    Strings are counted by their hashes, so that those that don't recur take eight bytes each.
    Those of most rows come first.
    """
    hashes = HashedRows.of(_hashes(hashed(_TOKEN.findall(text))) for text in responses)
    most = _COMMONEST * len(responses)
    sharing: dict[bytes, list[int]] = {}
    for value, rows in hashes.recurring(_FEWEST_ROWS):
        if len(rows) < most:
            sharing.setdefault(rows.tobytes(), []).append(value)
    del hashes
    longest = _longest(responses, sharing)
    kept = list(_without_alike(longest, len(responses)))
    return RecurringStrings(
        [string for string, _ in kept],
        sparse.csc_array(
            (
                np.ones(sum(len(rows) for _, rows in kept)),
                np.concatenate([np.empty(0, np.int32), *(rows for _, rows in kept)]),
                np.cumsum([0, *(len(rows) for _, rows in kept)]),
            ),
            shape=(len(responses), len(kept)),
        ),
    )


Found = tuple[RecurringString, NDArray[np.int32]]
"""A string, and the rows that hold it."""


def _longest(responses: Sequence[str], sharing: dict[bytes, list[int]]) -> list[Found]:
    """Of the strings in the very same rows the longest, those of most rows first.

    **Arguments:**

    - `sharing`: by their rows, the hashes of strings.
    """
    by_first: dict[int, list[tuple[NDArray[np.int32], list[int]]]] = {}
    for key, values in sharing.items():
        rows = np.frombuffer(key, np.int32)
        by_first.setdefault(int(rows[0]), []).append((rows, values))
    found = []
    for row, sets in by_first.items():
        spelled = _Spelled.of(responses[row])
        found += [(max(map(spelled.string, values), key=_size), rows) for rows, values in sets]
    return sorted(found, key=lambda item: (-len(item[1]), item[0].tokens, item[0].whole))


def _without_alike(found: list[Found], rows: int) -> Iterator[Found]:
    """The strings without those that many others are like, which are in nearly the same rows."""
    draws = np.random.default_rng(0).permuted(np.tile(np.arange(rows), (_DRAWS, 1)), axis=1)
    alike: Counter[tuple[int, ...]] = Counter()
    for string, held in found:
        size = int(np.log(len(held)) / np.log(_SAME_SIZE))
        key = (size, *draws[:, held].min(axis=1).tolist())
        alike[key] += 1
        if alike[key] <= _MOST_ALIKE:
            yield string, held


@dataclass(frozen=True, eq=False)
class _Spelled:
    """The strings of a response by their hashes."""

    tokens: list[str]
    hashes: Hashes
    """Ascending."""
    places: NDArray[np.int64]
    """Where the string with each hash stands among all, shorter ones first."""

    @classmethod
    def of(cls, response: str) -> _Spelled:
        """Those of a response."""
        tokens = _TOKEN.findall(response)
        hashes = _hashes(hashed(tokens))
        places = np.argsort(hashes, kind="stable")
        return cls(tokens, hashes[places], places)

    def string(self, value: int) -> RecurringString:
        """The string that has a hash."""
        place = int(self.places[np.searchsorted(self.hashes, np.uint64(value))])
        for length in range(1, min(_LONGEST, len(self.tokens)) + 1):
            count = len(self.tokens) - length + 1
            if place < count:
                return RecurringString(tuple(self.tokens[place : place + length]), False)
            place -= count
        return RecurringString(tuple(self.tokens), True)


def _hashes(tokens: Hashes) -> Hashes:
    """The hashes of all strings of a response, shorter ones first, and of the whole."""
    found = []
    rolling = np.zeros(len(tokens), np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2⁶⁴
        for length in range(1, min(_LONGEST, len(tokens)) + 1):
            count = len(tokens) - length + 1
            rolling = rolling[:count] * _FACTOR + tokens[length - 1 :]
            found.append(rolling)
        powers = np.cumprod(np.full(len(tokens), _FACTOR))
        found.append(np.array([(tokens * powers).sum() + _WHOLE]))
    return np.concatenate(found)


def _size(string: RecurringString) -> tuple[int, bool, tuple[str, ...]]:
    return len(string.tokens), string.whole, string.tokens
