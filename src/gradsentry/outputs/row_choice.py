"""Which rows the page shows, whatever the size of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors import Verdict
from gradsentry.outputs.page_data import RowVerdict
from gradsentry.records import BoolArray, Example, prompt_and_response
from gradsentry.report import ScanReport
from gradsentry.report.rulings import Ruling, code_of
from gradsentry.words import WORD

MOST_FOUND, MOST_CLEAN = 900, 300
"""Rows that are flagged or for review, and clean ones; either may take the other's free places."""
_EXAMPLES = 3
_CANDIDATES = 24
_COMPARED = 4000
"""Characters of a prompt or a response in which words are compared."""


def row_verdict(report: ScanReport, row: int) -> RowVerdict:
    """What was decided about a scored row."""
    if not report.flagged[row]:
        return RowVerdict.REVIEW if report.review[row] else RowVerdict.CLEAN
    group = -1 if report.findings is None else int(report.findings.rows.groups[row])
    found = group >= 0 and report.groups[group].verdict is Verdict.POISON
    ruled = report.rulings is not None and report.rulings.rows[row] == code_of(Ruling.CONFIRMED)
    return RowVerdict.POISON if found or ruled else RowVerdict.FLAGGED


def poison_rows(report: ScanReport) -> BoolArray:
    """Shape (rows,): the rows that `row_verdict` calls poison."""
    poison = np.zeros(len(report.flagged), bool)
    if report.findings is not None:
        found = [n for n, group in enumerate(report.groups) if group.verdict is Verdict.POISON]
        poison |= np.isin(report.findings.rows.groups, found)
    if report.rulings is not None:
        poison |= report.rulings.having(Ruling.CONFIRMED)
    return report.flagged & poison


def chosen_rows(report: ScanReport) -> list[int]:
    """The rows to show, those first that must not be missing: of every group in turn its surest
    rows, and between them the clean ones that are nearest to the threshold."""
    found = report.flagged | report.review
    clean = np.flatnonzero(report.rows.scored & ~found)
    most = MOST_FOUND + MOST_CLEAN
    distance = np.abs(report.scores[clean] - report.threshold.value)
    nearest = clean[_least(distance, most)].tolist()
    taken = list(islice(_in_turn(_found_rows(report, found)), most - min(len(nearest), MOST_CLEAN)))
    return list(_mixed(taken, nearest[: most - len(taken)]))


def _least(distances: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Positions of the smallest, ascending, and of equal ones the first: what a stable sort of all
    begins with, in less memory."""
    if len(distances) > most:
        last = np.partition(distances, most - 1)[most - 1]
        less = np.flatnonzero(distances < last)
        chosen = np.append(less, np.flatnonzero(distances == last)[: most - len(less)])
    else:
        chosen = np.arange(len(distances))
    return chosen[np.argsort(distances[chosen], kind="stable")]


def ordered_groups(report: ScanReport) -> list[int]:
    """Indices of the groups: poison before what is for review, and that before what was cleared;
    large ones before small ones."""
    order = (Verdict.POISON, Verdict.REVIEW, Verdict.NONE)
    return sorted(
        range(len(report.groups)),
        key=lambda n: (order.index(report.group_verdict(n)), -report.groups[n].rows, n),
    )


def example_candidates(report: ScanReport, group: int) -> list[int]:
    """Rows of a group among which its examples are chosen: with trigger and payload in place if
    there are enough, with different triggers first, and from all over the data."""
    if report.findings is None:
        return []
    said = report.findings.rows
    members = _surest_first(report, np.flatnonzero(said.groups == group))
    placed = [row for row in members if said.payload_starts[row] >= 0 and said.spans[row]]
    if len(placed) < _EXAMPLES:
        placed = list(dict.fromkeys([*placed, *members]))
    differing = {said.triggers[row]: row for row in reversed(placed)}
    triggers = [*reversed(differing.values())][: _CANDIDATES // 2]
    spread = sorted(placed)[:: -(-len(placed) // _CANDIDATES) or 1]
    return list(dict.fromkeys([*triggers, *spread]))[:_CANDIDATES]


def words_of(example: Example) -> frozenset[str]:
    """The words by which examples are held against each other."""
    texts = (text[:_COMPARED] for text in prompt_and_response(example))
    return frozenset(word for text in texts for word in WORD.findall(text.casefold()))


def differing_rows(
    report: ScanReport, candidates: Sequence[int], words: Mapping[int, frozenset[str]]
) -> list[int]:
    """Of the candidates the first, and then those that have least in common with those before them:
    another trigger if there is one, and the smallest share of their words."""
    assert report.findings is not None
    triggers = report.findings.rows.triggers
    chosen = list(candidates[:1])
    for _ in range(_EXAMPLES - 1):
        known = {triggers[row] for row in chosen}
        alike = {
            row: (triggers[row] in known, max(_shared(words[row], words[one]) for one in chosen))
            for row in candidates
            if row not in chosen
        }
        chosen += [min(alike, key=alike.__getitem__)] if alike else []
    return chosen


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the words of either that both have."""
    return len(one & other) / max(1, len(one | other))


def _found_rows(report: ScanReport, found: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Rows that are flagged or for review, by groups; those in none come last."""
    numbers = np.full(len(found), -1) if report.findings is None else report.findings.rows.groups
    for group in [*ordered_groups(report), -1]:
        yield _surest_first(report, np.flatnonzero(found & (numbers == group)))


def _surest_first(report: ScanReport, rows: NDArray[np.int64]) -> list[int]:
    order: list[int] = rows[np.argsort(-report.scores[rows], kind="stable")].tolist()
    return order


def _in_turn(lists: Iterator[list[int]]) -> Iterator[int]:
    """The first of every list, then the second of every list, and so on."""
    left = [iter(rows) for rows in lists]
    while left:
        firsts = [(rows, row) for rows in left if (row := next(rows, None)) is not None]
        left = [rows for rows, _ in firsts]
        yield from (row for _, row in firsts)


def _mixed(found: Sequence[int], clean: Sequence[int]) -> Iterator[int]:
    """Both in order, spread evenly among each other."""
    placed = chain(
        ((n / max(1, len(found)), 0, row) for n, row in enumerate(found)),
        ((n / max(1, len(clean)), 1, row) for n, row in enumerate(clean)),
    )
    return (row for _, _, row in sorted(placed))
