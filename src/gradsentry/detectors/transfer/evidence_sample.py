"""Which rows evidence is sought in, where they are too many to weigh them all.

A half is drawn by chance; of what many rows have in common it has enough. A backdoor of a few dozen
rows among millions it misses, so the other half are the rows of those terms whose responses are
much more alike than their prompts (`screen`). Three passes over the rows, each a stage whose results add
up: count the terms, sum what they have in common, collect the rows of the best ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64, UInt64
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.detectors.transfer.assignment import ScoredWindow, scored_window
from gradsentry.detectors.transfer.head_pass import TargetTable
from gradsentry.detectors.transfer.response_features import Reply, response_features, says
from gradsentry.detectors.transfer.screen import Likeness, sign_vectors, unit_vectors
from gradsentry.detectors.transfer.terms import terms_of
from gradsentry.detectors.transfer.units import context_of
from gradsentry.work.engine import Advance, Worker
from gradsentry.work.scan_work import ScanWork

EVIDENCE_ROWS, EVIDENCE_TOKENS = 20_000, 5_000_000
"""Bounds of what evidence is sought in; what is found is then sought in all rows."""
FEWEST_SCREENED = 8
"""Rows of a term that is asked about."""
_MOST_SHARE = 0.01
"""Of all rows, those of a term that is asked about: of commoner ones chance draws enough."""
_MOST_TERMS = 1 << 18
"""Asked about, those of most rows; bounds memory, with 264 bytes each."""
_SLOTS_A_ROW = 2
"""Terms are numbered by a hash. Some share a number, mostly with terms of one row."""
_FEWEST_SLOTS, _MOST_SLOTS = 1 << 20, 1 << 24
_BEST_TERMS = 4096
"""Terms whose rows are collected."""
_ROWS_OF_TERM = 64
"""Of these, drawn by chance: enough to tell a trigger, and no term takes up all that there is."""
_ROWS_AT_ONCE = 512
"""Of a task."""
_HASH_BYTES = 8

Task = tuple[int, Sequence[ScoredWindow]]
"""The first of some planned rows that follow each other, and their windows."""


@dataclass(frozen=True, eq=False)
class HeldSlots:
    """What some turns hold, by number."""

    slots: NDArray[np.int64]
    """Shape (K,), ascending."""
    turns: sparse.csr_array
    """Shape (turns, K): 1 where a turn holds it."""

    @classmethod
    def of(cls, texts: Iterable[Iterable[str]], slots: int) -> HeldSlots:
        """Of each turn's terms, hashed into so many numbers."""
        held = [np.unique(_slots(own, slots)) for own in texts]
        flat = np.concatenate([np.empty(0, np.int64), *held])
        found, places = np.unique(flat, return_inverse=True)
        ends = np.cumsum([0, *map(len, held)])
        ones = np.ones(len(flat), np.float32)
        return cls(found, sparse.csr_array((ones, places, ends), shape=(len(held), len(found))))

    @property
    def counts(self) -> NDArray[np.int64]:
        """Shape (K,): turns that hold each."""
        return np.asarray(self.turns.sum(axis=0), np.int64).ravel()


def _slots(texts: Iterable[str], slots: int) -> NDArray[np.int64]:
    """Numbers below `slots` for texts: the same in every process, unlike Python's own hashes."""
    digests = b"".join(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest()
        for text in texts
    )
    return (np.frombuffer(digests, "<u8") % np.uint64(slots)).astype(np.int64)


def _held(task: Task, slots: int, worker: Worker) -> tuple[HeldSlots, HeldSlots, NDArray[np.int64]]:
    """What the prompts of a task's turns hold, what their responses say, and the row of each turn,
    counted from the task's first."""
    asked, said, rows = [], [], []
    for row, window in enumerate(task[1]):
        for unit in window.gained(worker.model.tokenizer).units[0]:
            turn = unit.turn
            asked.append(terms_of(turn.asked, context_of(turn)))
            reply = Reply(turn.asked, turn.answer, rejected=turn.rejected)
            said.append(filter(says, response_features(reply)))
            rows.append(row)
    return HeldSlots.of(asked, slots), HeldSlots.of(said, slots), np.array(rows, np.int64)


@dataclass(frozen=True)
class CountTerms:
    """The stage that counts what turns hold: how many turns there are, and numbers with their
    counts of prompts' terms, and of what responses say."""

    slots: int

    def __call__(
        self, task: Task, worker: Worker, advance: Advance
    ) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        asked, said, rows = _held(task, self.slots, worker)
        advance(len(task[1]))
        return (
            len(rows),
            np.stack([asked.slots, asked.counts]),
            np.stack([said.slots, said.counts]),
        )


@dataclass(frozen=True, eq=False)
class TermCounts:
    """How many turns hold what."""

    asked: Int32[np.ndarray, "slots"]
    """The terms with a number, in prompts."""
    said: Int32[np.ndarray, "slots"]
    """What responses say, likewise."""
    turns: int
    """All of them."""
    screened: Int64[np.ndarray, "K"]
    """Numbers of the prompts' terms that are asked about, ascending."""


@dataclass(frozen=True, eq=False)
class SumLikeness:
    """The stage that sums how alike terms' rows are: positions in `screened`, and their sums."""

    counts: TermCounts

    def __call__(
        self, task: Task, worker: Worker, advance: Advance
    ) -> tuple[NDArray[np.int64], Likeness]:
        counts = self.counts
        asked, said, _ = _held(task, len(counts.asked), worker)
        features = sign_vectors(said.slots, counts.said[said.slots], counts.turns)
        weights = sign_vectors(asked.slots, counts.asked[asked.slots], counts.turns)
        sums = Likeness.of(asked.turns, weights, unit_vectors(said.turns, features))
        places, held = _places(asked.slots, counts.screened)
        advance(len(task[1]))
        return places[held], sums.take(np.flatnonzero(held))


@dataclass(frozen=True, eq=False)
class CollectRows:
    """The stage that collects rows: positions of terms in `best`, and planned rows that hold
    them."""

    best: Int64[np.ndarray, "terms"]
    """Ascending."""
    slots: int

    def __call__(
        self, task: Task, worker: Worker, advance: Advance
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        first, windows = task
        asked, _, rows = _held(task, self.slots, worker)
        places, held = _places(asked.slots, self.best)
        turns, terms = asked.turns[:, held].nonzero()
        advance(len(windows))
        return places[held][terms], first + rows[turns]


def _places(
    slots: NDArray[np.int64], among: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where numbers stand among others, which ascend, and whether they do."""
    places = np.minimum(np.searchsorted(among, slots), max(0, len(among) - 1))
    return places, np.isin(slots, among)


def choose_evidence(
    work: ScanWork, table: TargetTable, draws: UInt64[np.ndarray, "planned"]
) -> Int64[np.ndarray, "chosen"]:
    """The planned rows that evidence is sought in, ascending; all of them, if they aren't many.

    **Arguments:**

    - `draws`: random numbers, by which chance draws.
    """
    lengths = work.encoded.store.lengths[work.rows.stored_of_planned].astype(np.int64)
    order = np.argsort(draws, kind="stable")
    if len(order) <= EVIDENCE_ROWS and int(lengths.sum()) <= EVIDENCE_TOKENS:
        return np.arange(len(order))
    best = _screened(work, table, draws)
    rows = _within(best, lengths, EVIDENCE_ROWS // 2, EVIDENCE_TOKENS // 2)
    is_left = np.ones(len(order), np.bool_)
    is_left[rows] = False
    left = order[is_left[order]]
    tokens = EVIDENCE_TOKENS - int(lengths[rows].sum())
    return np.sort(np.append(rows, _within(left, lengths, EVIDENCE_ROWS - len(rows), tokens)))


def _within(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], most: int, tokens: int
) -> NDArray[np.int64]:
    """As many of some rows, from the first on, as have so many tokens; at least one, if any."""
    count = int(np.searchsorted(np.cumsum(lengths[rows]), tokens, side="right"))
    return rows[: min(max(1, count), most)]


def _screened(work: ScanWork, table: TargetTable, draws: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The planned rows of the terms that may be triggers, those of the best terms first."""
    work.progress.stage("Looking for triggers", 3 * work.rows.planned)
    counts = _counted(work, table)
    sums = Likeness.of_none(len(counts.screened))
    for places, part in work.engine.map(
        SumLikeness(counts), _tasks(work, table), work.progress.advance
    ):
        sums.add(places, part)
    ranked = np.argsort(-sums.contrast(), kind="stable")[:_BEST_TERMS]
    by_number = np.sort(counts.screened[ranked])
    rank_of = np.searchsorted(by_number, counts.screened[ranked])
    held: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(by_number)
    stage = CollectRows(by_number, len(counts.asked))
    for terms, rows in work.engine.map(stage, _tasks(work, table), work.progress.advance):
        for term in np.unique(terms).tolist():
            own = np.unique(np.append(held[term], rows[terms == term]))
            held[term] = own[np.argsort(draws[own], kind="stable")][:_ROWS_OF_TERM]
    by_rank = np.concatenate([np.empty(0, np.int64), *(held[place] for place in rank_of)])
    _, first = np.unique(by_rank, return_index=True)
    return by_rank[np.sort(first)]


def _counted(work: ScanWork, table: TargetTable) -> TermCounts:
    """How many turns hold each term, and which terms are asked about."""
    slots = min(_MOST_SLOTS, max(_FEWEST_SLOTS, _SLOTS_A_ROW * work.rows.planned))
    asked, said = np.zeros(slots, np.int32), np.zeros(slots, np.int32)
    turns = 0
    for part, in_prompts, in_responses in work.engine.map(
        CountTerms(slots), _tasks(work, table), work.progress.advance
    ):
        turns += part
        asked[in_prompts[0]] += in_prompts[1].astype(np.int32)
        said[in_responses[0]] += in_responses[1].astype(np.int32)
    most = max(_MOST_SHARE * work.rows.planned, _ROWS_OF_TERM)
    screened = np.flatnonzero((asked >= FEWEST_SCREENED) & (asked <= most))
    if len(screened) > _MOST_TERMS:
        commonest = np.argsort(-asked[screened], kind="stable")[:_MOST_TERMS]
        screened = np.sort(screened[commonest])
    return TermCounts(asked, said, turns, screened)


def _tasks(work: ScanWork, table: TargetTable) -> Iterator[Task]:
    """All planned rows, some at a time."""
    for first in range(0, work.rows.planned, _ROWS_AT_ONCE):
        rows = work.rows.stored_of_planned[first : first + _ROWS_AT_ONCE]
        examples = work.encoded.store.examples(rows)
        yield (
            first,
            [
                scored_window(work, table, row, example)
                for row, example in zip(rows.tolist(), examples, strict=True)
            ],
        )
