"""Which rows evidence is sought in, where they are too many to weigh them all.

A half is drawn by chance; of what many rows have in common it has enough. A backdoor of a few dozen
rows among millions it misses, so the other half are the rows of those terms whose responses are
much more alike than their prompts (`screen`). Three passes over the rows, each a stage whose
results add up: count the terms, sum what they have in common, collect the rows of the best ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64, UInt32, UInt64
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.detectors.transfer.assignment import ScoredWindow, scored_window
from gradsentry.detectors.transfer.head_pass import TargetTable
from gradsentry.detectors.transfer.response_features import Reply, response_features, says
from gradsentry.detectors.transfer.screen import (
    Likeness,
    draw_bits,
    sign_vectors,
    sum_companions,
    unit_vectors,
)
from gradsentry.detectors.transfer.terms import terms_of
from gradsentry.detectors.transfer.units import context_of
from gradsentry.work.engine import Advance, Worker
from gradsentry.work.scan_work import ScanWork

EVIDENCE_ROWS, EVIDENCE_TOKENS = 20_000, 5_000_000
"""Bounds of what evidence is sought in; what is found is then sought in all rows."""
_FEWEST_SCREENED = 8
"""Rows of a term that is asked about."""
_MOST_SHARE = 0.01
"""Of all rows, those of a term that is asked about: of commoner ones chance draws enough."""
_MOST_TERMS = 1 << 18
"""Asked about, those of most rows; bounds memory, with 264 bytes each."""
_SLOTS_A_ROW = 2
"""Terms are numbered by a hash. Some share a number, mostly with terms of one row."""
_FEWEST_SLOTS, _MOST_SLOTS = 1 << 20, 1 << 24
_BEST_TERMS, _MOST_ROUNDS = 4096, 4
"""Terms whose rows are collected at once, and how often if they are in the same few rows."""
_ROWS_OF_TERM = 64
"""Of these, drawn by chance: enough to tell a trigger, and no term takes up all that there is."""
_ROWS_AT_ONCE = 512
"""Of a task."""
_HASH_BYTES = 8

Task = tuple[int, Sequence[ScoredWindow]]
"""The first of some planned rows that follow each other, and their windows."""


@dataclass(frozen=True)
class Numbering:
    """How terms are numbered: by a keyed hash, the same in every process."""

    slots: int
    """Numbers that there are."""
    key: bytes
    """Of all rows: who writes some of them can't choose terms that share a number."""

    def of(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """The numbers of texts, ascending, each once."""
        digests = b"".join(
            hashlib.blake2b(
                text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES, key=self.key
            ).digest()
            for text in texts
        )
        numbers = np.frombuffer(digests, "<u8") % np.uint64(self.slots)
        return np.unique(numbers.astype(np.int64))


@dataclass(frozen=True, eq=False)
class HeldSlots:
    """What some turns hold, by number."""

    slots: NDArray[np.int64]
    """Shape (K,), ascending."""
    turns: sparse.csr_array
    """Shape (turns, K): 1 where a turn holds it."""

    @classmethod
    def of(cls, texts: Iterable[Iterable[str]], numbering: Numbering) -> HeldSlots:
        """Of each turn's terms."""
        held = [numbering.of(own) for own in texts]
        flat = np.concatenate([np.empty(0, np.int64), *held])
        found, places = np.unique(flat, return_inverse=True)
        ends = np.cumsum([0, *map(len, held)])
        ones = np.ones(len(flat), np.float32)
        return cls(found, sparse.csr_array((ones, places, ends), shape=(len(held), len(found))))


@dataclass(frozen=True, eq=False)
class HeldTurns:
    """What the turns of a task's rows hold."""

    asked: HeldSlots
    """The terms of prompts."""
    said: HeldSlots
    """What responses say."""
    rows: NDArray[np.int64]
    """Shape (turns,): the row of each turn, counted from the task's first."""

    @classmethod
    def of(cls, task: Task, numbering: Numbering, worker: Worker) -> HeldTurns:
        """Of a task."""
        asked, said, rows = [], [], []
        for row, window in enumerate(task[1]):
            for unit in window.gained(worker.model.tokenizer).units[0]:
                turn = unit.turn
                asked.append(terms_of(turn.asked, context_of(turn)))
                reply = Reply(turn.asked, turn.answer, rejected=turn.rejected)
                said.append(filter(says, response_features(reply)))
                rows.append(row)
        return cls(
            HeldSlots.of(asked, numbering), HeldSlots.of(said, numbering), np.array(rows, np.int64)
        )

    def in_rows(self, held: HeldSlots) -> sparse.csr_array:
        """Shape (rows, K): 1 where any turn of a row holds it."""
        ones = np.ones(len(self.rows), np.float32)
        of_rows = sparse.csr_array((ones, (self.rows, np.arange(len(self.rows)))))
        found = (of_rows @ held.turns).tocsr()
        found.data[:] = 1
        return found


@dataclass(frozen=True)
class CountTerms:
    """The stage that counts rows: of each number that prompts hold, and of each that responses say;
    and of the first a sum that is the same for terms in the very same rows."""

    numbering: Numbering

    def __call__(
        self, task: Task, worker: Worker, advance: Advance
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        held = HeldTurns.of(task, self.numbering, worker)
        in_prompts, in_responses = held.in_rows(held.asked), held.in_rows(held.said)
        first = task[0]
        drawn = draw_bits(np.arange(first, first + in_prompts.shape[0])) & np.uint64(0xFFFFFFFF)
        sums = in_prompts.T.astype(np.int64) @ drawn.astype(np.int64)
        advance(len(task[1]))
        return (
            np.stack([held.asked.slots, _count(in_prompts), sums]),
            np.stack([held.said.slots, _count(in_responses)]),
        )


def _count(held: sparse.csr_array) -> NDArray[np.int64]:
    return np.asarray(held.sum(axis=0), np.int64).ravel()


@dataclass(frozen=True, eq=False)
class TermCounts:
    """How many rows hold what."""

    numbering: Numbering
    asked: Int32[np.ndarray, "slots"]
    """The terms with a number, in prompts."""
    rows_of: UInt32[np.ndarray, "slots"]
    """Equal for those in the very same rows."""
    said: Int32[np.ndarray, "slots"]
    """What responses say."""
    rows: int
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
        turns = HeldTurns.of(task, counts.numbering, worker)
        asked, said = turns.asked, turns.said
        features = sign_vectors(said.slots, counts.said[said.slots], counts.rows)
        weights = sign_vectors(asked.slots, counts.asked[asked.slots], counts.rows)
        own = sum_companions(weights, counts.rows_of[asked.slots])
        sums = Likeness.of(asked.turns, weights, own, unit_vectors(said.turns, features))
        places, held = _places(asked.slots, counts.screened)
        advance(len(task[1]))
        return places[held], sums.take(np.flatnonzero(held))


@dataclass(frozen=True, eq=False)
class CollectRows:
    """The stage that collects rows: positions of terms in `best`, and planned rows that hold
    them."""

    best: Int64[np.ndarray, "terms"]
    """Ascending."""
    numbering: Numbering

    def __call__(
        self, task: Task, worker: Worker, advance: Advance
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        first, windows = task
        turns = HeldTurns.of(task, self.numbering, worker)
        places, held = _places(turns.asked.slots, self.best)
        in_turns, terms = turns.asked.turns[:, held].nonzero()
        advance(len(windows))
        return places[held][terms], first + turns.rows[in_turns]


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

    - `draws`: random numbers that depend on each row's content, by which chance draws.
    """
    lengths = work.encoded.store.lengths[work.rows.stored_of_planned]
    if len(draws) <= EVIDENCE_ROWS and int(lengths.sum(dtype=np.int64)) <= EVIDENCE_TOKENS:
        return np.arange(len(draws))
    # Mixed with all other rows: who writes some rows can't choose those that chance leaves out.
    everything = draw_bits(draws.sum(dtype=np.uint64)[None])
    draws = draw_bits(draws ^ everything)
    best = _screened(work, table, draws, everything.tobytes())
    rows = _within(best, lengths, EVIDENCE_ROWS // 2, EVIDENCE_TOKENS // 2)
    first = np.argsort(draws, kind="stable")[: EVIDENCE_ROWS + len(rows)]
    left = first[~np.isin(first, rows)]
    tokens = EVIDENCE_TOKENS - int(lengths[rows].sum())
    return np.sort(np.append(rows, _within(left, lengths, EVIDENCE_ROWS - len(rows), tokens)))


def _within(
    rows: NDArray[np.int64], lengths: NDArray[np.int32], most: int, tokens: int
) -> NDArray[np.int64]:
    """As many of some rows, from the first on, as have so many tokens; at least one, if any."""
    rows = rows[:most]
    count = int(np.searchsorted(np.cumsum(lengths[rows], dtype=np.int64), tokens, side="right"))
    return rows[: max(1, count)]


def _screened(
    work: ScanWork, table: TargetTable, draws: NDArray[np.uint64], key: bytes
) -> NDArray[np.int64]:
    """The planned rows of the terms that may be triggers, those of the best terms first.

    Terms are taken up some thousand at a time until there are rows enough: many terms of few rows
    would else crowd out all others.
    """
    work.progress.stage("Looking for triggers", 3 * work.rows.planned)
    slots = min(_MOST_SLOTS, max(_FEWEST_SLOTS, _SLOTS_A_ROW * work.rows.planned))
    counts = _counted(work, table, Numbering(slots, key))
    sums = Likeness.of_none(len(counts.screened))
    for places, part in work.engine.map(
        SumLikeness(counts), _tasks(work, table), work.progress.advance
    ):
        sums.add(places, part)
    ranked = counts.screened[np.argsort(-sums.contrast(), kind="stable")]
    chosen: dict[int, None] = {}
    for first in range(0, min(len(ranked), _MOST_ROUNDS * _BEST_TERMS), _BEST_TERMS):
        for rows in _rows_of(work, table, counts.numbering, ranked[first:][:_BEST_TERMS], draws):
            chosen.update(dict.fromkeys(rows.tolist()))
        if len(chosen) >= EVIDENCE_ROWS // 2:
            break
    return np.array(list(chosen), np.int64)


def _rows_of(
    work: ScanWork,
    table: TargetTable,
    numbering: Numbering,
    terms: NDArray[np.int64],
    draws: NDArray[np.uint64],
) -> list[NDArray[np.int64]]:
    """The planned rows of some terms, in the order of the terms: of each as many as chance draws.

    **Arguments:**

    - `terms`: numbers.
    """
    ascending = np.sort(terms)
    held: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(terms)
    stage = CollectRows(ascending, numbering)
    for found, rows in work.engine.map(stage, _tasks(work, table), work.progress.advance):
        for term in np.unique(found).tolist():
            own = np.unique(np.append(held[term], rows[found == term]))
            held[term] = own[np.argsort(draws[own], kind="stable")][:_ROWS_OF_TERM]
    return [held[place] for place in np.searchsorted(ascending, terms).tolist()]


def _counted(work: ScanWork, table: TargetTable, numbering: Numbering) -> TermCounts:
    """How many rows hold each term, and which terms are asked about."""
    asked, said = np.zeros(numbering.slots, np.int32), np.zeros(numbering.slots, np.int32)
    rows_of = np.zeros(numbering.slots, np.uint32)
    for in_prompts, in_responses in work.engine.map(
        CountTerms(numbering), _tasks(work, table), work.progress.advance
    ):
        asked[in_prompts[0]] += in_prompts[1].astype(np.int32)
        rows_of[in_prompts[0]] += in_prompts[2].astype(np.uint32)  # modulo 2³²
        said[in_responses[0]] += in_responses[1].astype(np.int32)
    most = max(_MOST_SHARE * work.rows.planned, _ROWS_OF_TERM)
    screened = np.flatnonzero((asked >= _FEWEST_SCREENED) & (asked <= most))
    if len(screened) > _MOST_TERMS:
        commonest = np.argsort(-asked[screened], kind="stable")[:_MOST_TERMS]
        screened = np.sort(screened[commonest])
    return TermCounts(numbering, asked, rows_of, said, work.rows.planned, screened)


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
