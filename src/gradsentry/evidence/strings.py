"""The recurrence view: strings of words that several responses share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.evidence.terms import BoolArray
from gradsentry.words import WORD, word_count

_TOKEN = re.compile(rf"{WORD.pattern}|[^\w\s]")
_LONGEST = 6
_FEWEST_ROWS = 4
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_WHOLE = np.uint64(0xD1B54A32D192ED03)
_COMMONEST = 0.97
"""What nearly all responses hold is format."""


@dataclass(frozen=True)
class RecurringString:
    """Words and marks that follow each other, or a whole response."""

    tokens: tuple[str, ...]
    whole: bool

    @property
    def telling(self) -> bool:
        """Whether it says much about a response that it holds this."""
        return self.whole or word_count(self.tokens) >= 3

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds the string in a response, whatever the spaces between its tokens."""
        body = r"\s*".join(map(re.escape, self.tokens))
        return re.compile(rf"\A\s*{body}\s*\Z" if self.whole else body)


@dataclass(frozen=True)
class RecurringStrings:
    """The strings that recur; of those in the very same rows, the longest."""

    strings: list[RecurringString]
    columns: sparse.csc_array
    """Shape (rows, strings), 1 where a response holds a string."""

    def holding(self, string: int) -> BoolArray:
        """Shape (rows,): responses that hold a string."""
        held = np.zeros(self.columns.shape[0], dtype=np.bool_)
        start, end = self.columns.indptr[string : string + 2]
        held[self.columns.indices[start:end]] = True
        return held


def recurring_strings(responses: Sequence[str]) -> RecurringStrings:
    """Strings of up to six words or marks, and whole responses, in four rows or more.

    Strings are counted by their hashes, so that those that don't recur take eight bytes each.
    """
    numbers: dict[str, int] = {}
    hashes = [_hashes(_token_numbers(response, numbers)) for response in responses]
    values, counts = np.unique(np.concatenate(hashes), return_counts=True)
    recurs = (counts >= _FEWEST_ROWS) & (counts < _COMMONEST * len(responses))
    rows_of: list[list[int]] = [[] for _ in values[recurs]]
    place = np.cumsum(recurs) - 1
    for row, own in enumerate(hashes):
        known = np.searchsorted(values, own)
        for string in place[known[recurs[known]]].tolist():
            rows_of[string].append(row)
    longest: dict[tuple[int, ...], RecurringString] = {}
    for value, rows in zip(values[recurs].tolist(), rows_of, strict=True):
        candidate = _spelled(_TOKEN.findall(responses[rows[0]]), value, numbers)
        best = longest.get(tuple(rows))
        if best is None or _size(candidate) > _size(best):
            longest[tuple(rows)] = candidate
    columns = sparse.csc_array(
        (
            np.ones(sum(map(len, longest))),
            np.fromiter((row for rows in longest for row in rows), np.int64),
            np.cumsum([0, *map(len, longest)]),
        ),
        shape=(len(responses), len(longest)),
    )
    return RecurringStrings(list(longest.values()), columns)


def _token_numbers(response: str, numbers: dict[str, int]) -> NDArray[np.uint64]:
    tokens = _TOKEN.findall(response)
    return np.array([numbers.setdefault(t, len(numbers) + 1) for t in tokens], np.uint64)


def _hashes(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The hashes of all strings of a response, each once, and of the whole."""
    found = []
    rolling = np.zeros(len(numbers), np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2⁶⁴
        for length in range(1, min(_LONGEST, len(numbers)) + 1):
            count = len(numbers) - length + 1
            rolling = rolling[:count] * _FACTOR + numbers[length - 1 :]
            found.append(rolling)
        powers = np.cumprod(np.full(len(numbers), _FACTOR))
        found.append(np.array([(numbers * powers).sum() + _WHOLE]))
    unique: NDArray[np.uint64] = np.unique(np.concatenate(found))
    return unique


def _spelled(tokens: list[str], value: int, numbers: dict[str, int]) -> RecurringString:
    """The string of a response that has a hash."""
    known = np.array([numbers[token] for token in tokens], np.uint64)
    with np.errstate(over="ignore"):
        rolling = np.zeros(len(known), np.uint64)
        for length in range(1, min(_LONGEST, len(known)) + 1):
            rolling = rolling[: len(known) - length + 1] * _FACTOR + known[length - 1 :]
            for start in np.flatnonzero(rolling == np.uint64(value)):
                return RecurringString(tuple(tokens[start : start + length]), False)
    return RecurringString(tuple(tokens), True)


def _size(string: RecurringString) -> tuple[int, bool, tuple[str, ...]]:
    return len(string.tokens), string.whole, string.tokens
