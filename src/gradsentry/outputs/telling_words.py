"""Words that the answers of a group share and other answers lack: what there is to mark where a
payload has no one text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from gradsentry.records import Example, prompt_and_response
from gradsentry.report import ScanReport
from gradsentry.words import WORD

_MOST_GROUPS = 24
_OWN, _OTHERS = 100, 500
"""Rows that are compared: of each group, and of those in none."""
_LEAST_OWN_ROWS = 3
_SHARED = 0.5
"""Share of a group's answers that have a telling word."""
_LACKING = 0.1
"""Of that share, as much as other answers may have it."""
_MOST_WORDS = 8
_COMPARED = 4000
"""Characters of an answer."""

TellingWords = Mapping[int, frozenset[str]]
"""By the index of the group, in lower case; none of groups with one payload."""


def compared_rows(report: ScanReport) -> dict[int, int]:
    """The rows that must be read, each with its group, or -1: rows of groups whose payloads vary,
    and rows in no group. Empty where there is no such group."""
    groups = [n for n, group in enumerate(report.groups) if group.payload is None][:_MOST_GROUPS]
    if report.findings is None or not groups:
        return {}
    numbers = report.findings.rows.groups
    wanted: dict[int, int] = {}
    for group, most in [*((group, _OWN) for group in groups), (-1, _OTHERS)]:
        rows = np.flatnonzero((numbers == group) & report.rows.scored)
        wanted |= dict.fromkeys(rows[:: -(-len(rows) // most) or 1].tolist(), group)
    return wanted


def telling_words(
    compared: Mapping[int, int], examples: Iterable[tuple[int, Example]]
) -> TellingWords:
    """The words of each group whose payloads vary.

    **Arguments:**

    - `compared`: as `compared_rows` gives it.
    - `examples`: rows with what they mean; those that aren't compared are passed over.
    """
    rows: Counter[int] = Counter()
    having: dict[int, Counter[str]] = {group: Counter() for group in (-1, *compared.values())}
    for row, example in examples:
        if row in compared:
            rows[compared[row]] += 1
            answer = prompt_and_response(example)[1][:_COMPARED]
            having[compared[row]].update(set(WORD.findall(answer.casefold())))
    return {
        group: _telling(own, rows[group], having[-1], rows[-1])
        for group, own in having.items()
        if group >= 0
    }


def _telling(own: Counter[str], rows: int, others: Counter[str], other_rows: int) -> frozenset[str]:
    """The words of a group that tell most.

    **Arguments:**

    - `own`, `others`: rows that have a word, of the group and of those in none.
    """
    if rows < _LEAST_OWN_ROWS or not other_rows:
        return frozenset()
    shares = {word: (count / rows, others[word] / other_rows) for word, count in own.items()}
    found = [
        word
        for word, (share, elsewhere) in shares.items()
        if share >= _SHARED and elsewhere <= _LACKING * share
    ]
    found.sort(key=lambda word: (shares[word][1] - shares[word][0], word))
    return frozenset(found[:_MOST_WORDS])
