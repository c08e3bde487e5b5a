"""The recurrence view: strings of words that several responses share."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from gradsentry.evidence.terms import BoolArray

_TOKEN = re.compile(r"\w+|[^\w\s]")
_LONGEST = 6
_FEWEST_ROWS = 4
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
        return self.whole or len(self.tokens) >= 3

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
    """Strings of up to six words or marks, and whole responses, in four rows or more."""
    rows_of: dict[RecurringString, list[int]] = defaultdict(list)
    for row, response in enumerate(responses):
        tokens = tuple(_TOKEN.findall(response))
        strings = {
            RecurringString(tokens[start : start + length], False)
            for length in range(1, _LONGEST + 1)
            for start in range(len(tokens) - length + 1)
        }
        for string in strings | {RecurringString(tokens, True)}:
            rows_of[string].append(row)
    longest: dict[tuple[int, ...], RecurringString] = {}
    for string, rows in rows_of.items():
        if _FEWEST_ROWS <= len(rows) < _COMMONEST * len(responses):
            key = tuple(rows)
            known = longest.get(key)
            if known is None or _size(string) > _size(known):
                longest[key] = string
    columns = sparse.csc_array(
        (
            np.ones(sum(map(len, longest))),
            np.fromiter((row for rows in longest for row in rows), np.int64),
            np.cumsum([0, *map(len, longest)]),
        ),
        shape=(len(responses), len(longest)),
    )
    return RecurringStrings(list(longest.values()), columns)


def _size(string: RecurringString) -> tuple[int, bool, tuple[str, ...]]:
    return len(string.tokens), string.whole, string.tokens
