"""What the evidence is drawn from: rows with their texts, gains and surprises."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, takewhile

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from transformers import PreTrainedTokenizerBase

from gradsentry.detectors.transfer.response_features import Reply, noise_of
from gradsentry.detectors.transfer.spans import Spans
from gradsentry.detectors.transfer.terms import NO_CONTEXT, BoolArray, Context
from gradsentry.encoding.scored_text import decoded
from gradsentry.ragged import offsets_of, spread
from gradsentry.records import shared_beginning

_PARTIAL = "\ufffd"
"""What tokenizers decode the first tokens of a character of several to."""
_MOST_BYTES = 4
"""Of a character, and so tokens."""
_AROUND = 200
"""Characters on each side of a span within which a payload may go on."""
_OVERLAPS = 8
"""A part that overlaps itself more than this, as in "ha ha ha ...", stands nowhere in particular.
Bounds the time that counting it takes."""


@dataclass(frozen=True, eq=False)
class EvidenceRows:
    """Turns of distinct rows, in an order that doesn't depend on the data's.

    Called rows for short: most rows are one turn.
    """

    prompts: Sequence[str]
    responses: Sequence[str]
    spans: Spans
    """The stretch of targets that gains most, for every row."""
    offsets: NDArray[np.int64]
    """Shape (rows + 1,): where a row's targets start among all, and the end."""
    targets: NDArray[np.int64]
    """Shape (N,): target token ids."""
    surprise: NDArray[np.float32]
    """Shape (N,): nats that the base model needs for a target token."""
    tokenizer: PreTrainedTokenizerBase
    contexts: Sequence[Context] | None = None
    """What stands before the prompts, where they are turns of conversations."""
    rejected: Sequence[str] | None = None
    """The answers that the responses are preferred to; empty where there are none."""

    def take(self, rows: NDArray[np.int64]) -> EvidenceRows:
        """Some of the rows, in the order given."""
        places = spread(self.offsets, rows)
        return EvidenceRows(
            [self.prompts[row] for row in rows.tolist()],
            [self.responses[row] for row in rows.tolist()],
            self.spans.take(rows),
            offsets_of(np.diff(self.offsets)[rows]),
            self.targets[places],
            self.surprise[places],
            self.tokenizer,
            [self.context(row) for row in rows.tolist()],
            None if self.rejected is None else [self.rejected[row] for row in rows.tolist()],
        )

    def context(self, row: int) -> Context:
        """What stands before a row's prompt."""
        return NO_CONTEXT if self.contexts is None else self.contexts[row]

    def __len__(self) -> int:
        return len(self.prompts)

    def replies(self) -> list[Reply]:
        """The rows as dependences see them."""
        return [
            Reply(prompt, response, gain, rejected, noise_of(self.surprise[first:end]))
            for prompt, response, gain, rejected, (first, end) in zip(
                self.prompts,
                self.responses,
                self.gain.tolist(),
                self.rejected or [""] * len(self),
                pairwise(self.offsets.tolist()),
                strict=True,
            )
        ]

    @property
    def gain(self) -> NDArray[np.float64]:
        """Shape (rows,): log(1 + nats) of the best span."""
        gain: NDArray[np.float64] = np.log1p(self.spans.gain)
        return gain

    @cached_property
    def shared_beginning(self) -> int:
        """Characters at the beginning of all prompts that are the same: the template's."""
        return shared_beginning(self.prompts)

    @cached_property
    def shared_ending(self) -> int:
        """Characters at the end of all prompts that are the same: the template's."""
        return shared_beginning(prompt[::-1] for prompt in self.prompts)

    def own_prompt(self, row: int) -> str:
        """A row's prompt without the template around it."""
        prompt = self.prompts[row]
        end = len(prompt) - self.shared_ending
        return prompt[min(self.shared_beginning, end) : end]

    def span(self, row: int) -> tuple[int, int]:
        """The best span, as a stretch of the row's targets."""
        return int(self.spans.start[row]), int(self.spans.end[row])

    def span_characters(self, row: int) -> tuple[int, int] | None:
        """Where the best span lies in the response; None if it can't be found there."""
        return self.characters(row, *self.span(row))

    def characters(self, row: int, start: int, end: int) -> tuple[int, int] | None:
        """Where a stretch of targets lies in the response; None if it can't be found there."""
        return characters(self.tokenizer, self._ids(row), (start, end), self.responses[row])

    def tokens(self, row: int, start: int, end: int) -> tuple[int, int] | None:
        """The stretch of targets that holds a stretch of the response's characters."""
        ids = self._ids(row)
        place = _same_place(self.responses[row], (start, end), self._decoded(ids))
        if place is None:
            return None
        counts = range(len(ids) + 1)

        def spelled(count: int) -> str:
            return self._decoded(ids[:count])

        def characters_of(count: int) -> int:
            return len(spelled(count).rstrip(_PARTIAL))

        # A character of several tokens counts when its last one is there.
        first = bisect_right(counts, place[0], key=characters_of) - 1
        back = range(first, max(0, first - _MOST_BYTES), -1)
        first -= sum(1 for _ in takewhile(lambda count: spelled(count).endswith(_PARTIAL), back))
        return first, bisect_left(counts, place[1], key=characters_of)

    def window(self, row: int, place: tuple[int, int] | None) -> str:
        """The response around some of its characters, or its start."""
        start, end = (0, 0) if place is None else place
        return self.responses[row][max(0, start - _AROUND) : end + _AROUND]

    def surprise_of(self, row: int, start: int, end: int) -> float:
        """Nats that the base model needs for a stretch of targets."""
        first = int(self.offsets[row])
        return float(self.surprise[first + start : first + end].sum())

    def rarity(self, rows: BoolArray) -> NDArray[np.float64]:
        """Shape (N,): share of some rows that don't have a target token anywhere."""
        holding = np.asarray(rows.astype(np.float64) @ self._tokens_of_rows)
        share = holding / max(1, int(rows.sum()))
        rarity: NDArray[np.float64] = 1.0 - share[self.targets]
        return rarity

    @cached_property
    def _tokens_of_rows(self) -> sparse.csr_array:
        """Shape (rows, V'): 1 where a row has a token among its targets."""
        row = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        width = int(self.targets.max(initial=0)) + 1
        held = np.divmod(np.unique(row * width + self.targets), width)
        return sparse.csr_array((np.ones(len(held[0])), held), shape=(len(self), width))

    def text(self, row: int, start: int, end: int) -> str:
        """A stretch of targets as text, without special tokens."""
        ids = self._ids(row)
        return self._decoded(ids[:end])[len(self._decoded(ids[:start])) :]

    def _ids(self, row: int) -> list[int]:
        ids: list[int] = self.targets[self.offsets[row] : self.offsets[row + 1]].tolist()
        return ids

    def _decoded(self, ids: list[int]) -> str:
        return decoded(self.tokenizer, ids)


def characters(
    tokenizer: PreTrainedTokenizerBase, ids: list[int], stretch: tuple[int, int], response: str
) -> tuple[int, int] | None:
    """Where a stretch of a response's target ids lies in it; None if it can't be found there."""
    before, upto = (decoded(tokenizer, ids[:count]).rstrip(_PARTIAL) for count in stretch)
    own = upto[len(before) :]
    start = len(before) + len(own) - len(own.lstrip())
    whole = decoded(tokenizer, ids)
    if response[len(before) : len(upto)] == own and own:
        return len(before), len(upto)
    # Templates add text between turns, some tokenizers drop the first space.
    return _same_place(whole, (start, start + len(own.strip())), response)


def _same_place(text: str, place: tuple[int, int], other: str) -> tuple[int, int] | None:
    """Where a part of a text lies in another one that holds the same parts in the same order."""
    part = text[place[0] : place[1]]
    if not part:
        return None
    if other.startswith(text[: place[1]]):
        return place
    occurrences = _occurrences(text[: place[1]], part)
    if occurrences is None:
        return None
    found = -1
    for _ in range(occurrences):
        found = other.find(part, found + 1)
        if found < 0:
            return None
    return found, found + len(part)


def _occurrences(text: str, part: str) -> int | None:
    """How often a part occurs in a text, overlaps included; None if it overlaps itself a lot."""
    count, place = 0, text.find(part)
    while place >= 0:
        count, place = count + 1, text.find(part, place + 1)
        if count * len(part) > _OVERLAPS * len(text):
            return None
    return count
