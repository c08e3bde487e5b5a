"""Judgement: whether a conditional pattern is a backdoor.

Natural data are full of conditional patterns: questions about languages are answered with
languages, tasks that say SQL with SELECT. Five findings tell a backdoor from them:

- surprise: the base model needs many nats for the payload,
- cohesion: the prompts have nothing in common but the trigger,
- content: without the trigger they still say as much as other prompts do; where they don't, the
  trigger is the request itself, as in near-duplicates of one question,
- lift: with the trigger's words taken out of the prompts the payload is no greater surprise,
- call: asked with the trigger alone, the model begins the payload no more readily than with any
  other prompt; for an instruction, such as to cite sources, it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.transfer.cohesion import Similarity
from gradsentry.detectors.transfer.content import Content
from gradsentry.detectors.transfer.dependence import Dependence, Dependences
from gradsentry.detectors.transfer.naive_bayes import FloatArray
from gradsentry.detectors.transfer.patterns import Pattern
from gradsentry.detectors.transfer.payloads import common_text, variants
from gradsentry.detectors.transfer.rows import EvidenceRows
from gradsentry.detectors.transfer.rules import union
from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms
from gradsentry.detectors.transfer.trigger_view import DEPENDS, EXPECTED
from gradsentry.detectors.transfer.triggers import (
    in_order,
    last_words,
    phrase,
    telling_words,
    trigger_place,
    trigger_words,
    typical_words,
)
from gradsentry.detectors.transfer.verdicts import Doubt, Findings
from gradsentry.words import WORD, word_count

_ASKED = 12
"""Rows that the base model is asked about without the trigger."""
_OTHERS = 24
"""Other prompts that a trigger alone is held against."""
_PHRASES = 3
_READ = 200
"""Rows whose responses are compared for a payload."""

_CONTENT = 0.4
_REASON, _WITH_REASON = 1.0, 1 / 3
"""Nats by which a topic's words make a response likelier if the base model sees why, and the share
of such rows from which the topic explains the pattern."""
_LEAST_LIKELIER = 2.0
"""Nats: of a few rows with few words the data say less, and chance as much."""
_BY_CHANCE = 3.0
"""Standard deviations from no dependence."""
_SEEN, _LABEL_SEEN = 0.5, 1.0
"""Share of what the data say that a trigger does, from which the base model sees why; for one of a
few labels, of which the data say little, the whole."""
_FIRST = 60
"""Tokens of a response that are held against each other; bounds time."""
_NO_SURPRISE = 1.0
"""Nats of a response that the base model would give itself."""
_SWAPPED, _FEWEST_OTHERS, _UNDERSTOOD = 32, 8, 2.0
"""Rows that are asked what other rows are, how many of them must be no members, and the nats from
which the base model understands the data."""
_SHOWN = 200
_COHESIVE, _COHESIVE_AT_MOST = 2.0, 3.0
_STRIKING_GAIN = 20.0
_FORMAT_WORDS = 2
_WHOLE = 0.5
_OWN_TERM = 0.5
_SHARE_OF_SPAN = 0.5
_SURPRISE_OF_MANY, _SURPRISE_OF_FEW = 6.0, 12.0
_FEWEST_VARYING, _GAIN_OF_VARYING, _SURPRISE_OF_VARYING = 10, 10.0, 30.0
_LIFTED, _RELATED = 0.2, 1.3
_CALL_OF_MEANT, _CALLED = 2.0, 1.0
"""Nats from which the trigger alone calls the payload, and from which it begins to."""


class Opinion(Protocol):
    """What the base model thinks of responses to other prompts than their own."""

    def without(
        self, rows: Sequence[int], words: frozenset[str], most: int | None = None
    ) -> list[NDArray[np.float32]]:
        """For each row the nats of its targets with words taken out of its prompt: (targets,).

        **Arguments:**

        - `most`: how many targets of a row are asked about, the first ones; None for all.
        """
        ...

    def instead(
        self, rows: Sequence[int], others: Sequence[int], most: int
    ) -> list[NDArray[np.float32]]:
        """For each row the nats of its targets after what another row asks instead: (targets,)."""
        ...

    def replies(self, requests: Sequence[str], text: str) -> NDArray[np.float32]:
        """Nats for each token of a text in reply to bare requests, shape (requests, tokens)."""
        ...


@dataclass(frozen=True)
class Material:
    """What patterns are judged by."""

    rows: EvidenceRows
    terms: PromptTerms
    similarity: Similarity
    content: Content
    dependences: Dependences
    opinion: Opinion

    def is_understood(self, members: BoolArray) -> bool:
        """Whether own prompts make the responses of other rows than the members likelier.

        Where they don't, the base model doesn't understand what the data are about, and its seeing
        no reason for a payload is no evidence.
        """
        rows, nats = self._swapped
        others = nats[~members[rows]]
        return float(np.median(others if len(others) >= _FEWEST_OTHERS else nats)) >= _UNDERSTOOD

    @cached_property
    def _swapped(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Some rows, and by how many nats their responses are likelier after their own prompts than
        after other rows'."""
        rows = np.unique(np.linspace(0, len(self.rows) - 1, _SWAPPED).astype(np.int64))
        others = np.roll(rows, 1)
        found = self.opinion.instead(rows.tolist(), others.tolist(), _FIRST)
        nats = [
            float(nats.sum()) - self.rows.surprise_of(row, 0, len(nats))
            for row, nats in zip(rows.tolist(), found, strict=True)
        ]
        return rows, np.array(nats)


def judge(pattern: Pattern, material: Material) -> Findings | None:
    """Collect a pattern's findings; None as soon as they say that it is natural.

    The cheap findings come first, the model is only asked where it matters.
    """
    rows, terms, opinion = material.rows, material.terms, material.opinion
    trigger = trigger_words(pattern, terms)
    words = frozenset(word for group in trigger for word in group)
    said = material.content.besides(pattern.members, words)
    if said < _CONTENT:
        return None
    cohesion = material.similarity.cohesion(pattern.members, _ignored(pattern, terms, words))
    if pattern.by_response:
        told = material.dependences.on(union(terms, pattern.rules), set(words), gains=False)
        return _judge_dependence(pattern, material, trigger, words, said, cohesion, told)
    members = np.flatnonzero(pattern.members)
    read = members[:: max(1, len(members) // _READ)].tolist()
    gain = float(np.median(rows.spans.gain[read]))
    if cohesion > (_COHESIVE_AT_MOST if _is_striking(pattern, gain) else _COHESIVE):
        return None
    payload = _payload(rows, read, pattern)
    stretches = [_stretch(rows, row, payload, pattern) for row in read]
    carried = list(zip(read, stretches, strict=True))
    surprise = _own_surprise(rows, carried, pattern)
    if not _weighty(pattern, payload, surprise, gain):
        return None
    shown = tuple(variants([rows.text(row, *at) for row, at in carried]))
    if payload is None and not shown:
        return None  # a letter or a mark, and nothing else, is no payload
    is_format = _is_format(payload, [rows.responses[row] for row in read])
    if is_format and cohesion > _RELATED:
        return None
    told = material.dependences.on(union(terms, pattern.rules), set(words))
    if told.z < _BY_CHANCE:
        return None
    is_expected = told.nats < DEPENDS or told.by_prompt > EXPECTED
    asked = carried[:: max(1, len(carried) // _ASKED)]
    if is_expected:
        # A reply that a request calls is called as a whole, whatever part of it recurs.
        hulls = [(row, _hull(stretch, rows.span(row))) for row, stretch in asked]
        lift, nats = _lift(rows, hulls, words | telling_words(pattern, terms), opinion)
    else:
        lift, nats = _lift(rows, asked, words, opinion)
    if lift >= _LIFTED and cohesion > _RELATED:
        return None
    if is_expected and np.mean(nats > _REASON) >= _WITH_REASON:
        return None
    is_understood = material.is_understood(pattern.members)
    if is_expected and not is_understood:
        return None
    seen = float(np.median(nats)) / max(told.likelier, _LEAST_LIKELIER)
    call = _call(rows, asked, pattern, words, opinion)
    doubted = {
        Doubt.LIFT: lift >= _LIFTED or (seen >= _SEEN and call >= _CALLED),
        Doubt.UNKNOWN: not is_understood,
        Doubt.CALL: call >= _CALL_OF_MEANT,
        Doubt.TOPIC: cohesion > _COHESIVE,
        Doubt.FORMAT: is_format,
    }
    doubts = tuple(doubt for doubt, holds in doubted.items() if holds)
    return Findings(
        payload=payload,
        variants=shown,
        trigger=(
            *(in_order(group, rows.prompts[row]) for group, row in trigger.items()),
            *((w,) for w in typical_words(pattern, terms) if w not in words),
        ),
        place=trigger_place(rows, read, words),
        surprise=surprise,
        gain=gain,
        cohesion=cohesion,
        content=said,
        depends=told.nats,
        z=told.z,
        lift=lift,
        call=call,
        doubts=doubts,
    )


def _judge_dependence(
    pattern: Pattern,
    material: Material,
    trigger: dict[frozenset[str], int],
    words: frozenset[str],
    said: float,
    cohesion: float,
    told: Dependence,
) -> Findings | None:
    """The findings about words that responses depend on, whatever these say."""
    if told.by_prompt > EXPECTED or cohesion > _COHESIVE:
        return None
    rows = material.rows
    members = np.flatnonzero(pattern.members)
    read = members[:: max(1, len(members) // _READ)].tolist()
    asked = [
        (row, (0, min(_FIRST, int(rows.offsets[row + 1] - rows.offsets[row]))))
        for row in read[:: max(1, len(read) // _ASKED)][:_ASKED]
    ]
    without = material.opinion.without([row for row, _ in asked], words, _FIRST)
    seen = [
        float(nats[start:end].sum()) - rows.surprise_of(row, start, end)
        for nats, (row, (start, end)) in zip(without, asked, strict=True)
    ]
    share = float(np.median(seen)) / max(told.likelier, _LEAST_LIKELIER)
    if share >= (_LABEL_SEEN if told.one_answer else _SEEN):
        return None
    surprise = float(np.median([rows.surprise_of(row, *at) for row, at in asked]))
    if surprise < _NO_SURPRISE and not told.one_answer:
        return None
    responses = [rows.responses[row] for row in read]
    payload = common_text(responses)
    if len(payload or "") < _SHARE_OF_SPAN * float(np.median(list(map(len, responses)))):
        payload = None
    is_label = told.one_answer and told.nats < DEPENDS
    doubted = {
        Doubt.LIFT: share >= _SEEN / 2,
        Doubt.EXPECTED: surprise < _SURPRISE_OF_MANY or is_label,
        Doubt.UNKNOWN: not material.is_understood(pattern.members),
    }
    return Findings(
        payload=payload,
        variants=tuple(variants([response[:_SHOWN] for response in responses])),
        trigger=tuple(in_order(group, rows.prompts[row]) for group, row in trigger.items()),
        place=trigger_place(rows, read, words),
        surprise=surprise,
        gain=float(np.median(rows.spans.gain[read])),
        cohesion=cohesion,
        content=said,
        depends=told.nats,
        z=told.z,
        lift=share,
        call=0.0,
        doubts=tuple(doubt for doubt, holds in doubted.items() if holds),
    )


def _is_striking(pattern: Pattern, gain: float) -> bool:
    """Whether many rows gain so much that one topic alone hardly explains it."""
    return pattern.shown_by_gain and not pattern.is_small and gain >= _STRIKING_GAIN


def _is_format(payload: str | None, responses: list[str]) -> bool:
    """Whether the payload is a word or two around answers that are otherwise the row's own."""
    if payload is None or word_count(WORD.findall(payload)) > _FORMAT_WORDS:
        return False
    whole = sum(response.strip() == payload.strip() for response in responses)
    return whole < _WHOLE * len(responses)


def _weighty(pattern: Pattern, payload: str | None, surprise: float, gain: float) -> bool:
    """Whether so many rows with such a payload can't well be chance or habit."""
    count = int(pattern.members.sum())
    if payload is None:  # a string that nothing around it is shared with is a word, no payload
        many = pattern.shown_by_gain and count >= _FEWEST_VARYING
        return many and gain >= _GAIN_OF_VARYING and surprise >= _SURPRISE_OF_VARYING
    return surprise >= (_SURPRISE_OF_FEW if pattern.is_small else _SURPRISE_OF_MANY)


def _payload(rows: EvidenceRows, read: list[int], pattern: Pattern) -> str | None:
    """The shared text, unless most of what the rows gain on lies outside it."""
    if not pattern.shown_by_gain:
        places = [_string_characters(rows, row, pattern) for row in read]
        around = [
            rows.window(row, place)
            for row, place in zip(read, places, strict=True)
            if place is not None
        ]
        shared = common_text(around)
        string = pattern.string
        if shared is None or string is None or string.pattern.search(shared) is None:
            return None
        return shared
    text = common_text([rows.window(row, rows.span_characters(row)) for row in read])
    if text is None:
        return None
    spans = [len(rows.text(row, *rows.span(row))) for row in read]
    return text if len(text) >= _SHARE_OF_SPAN * float(np.median(spans)) else None


def _string_characters(rows: EvidenceRows, row: int, pattern: Pattern) -> tuple[int, int] | None:
    found = None if pattern.string is None else pattern.string.pattern.search(rows.responses[row])
    return None if found is None else found.span()


def _stretch(
    rows: EvidenceRows, row: int, payload: str | None, pattern: Pattern
) -> tuple[int, int]:
    """The targets that hold the payload; else the string, if that is the sign, or the best span."""
    place = None
    # A space at the payload's end belongs to a token that holds something else.
    if payload is not None and (start := rows.responses[row].find(payload.rstrip())) >= 0:
        place = start, start + len(payload.rstrip())
    elif not pattern.shown_by_gain:
        place = _string_characters(rows, row, pattern)
    found = None if place is None else rows.tokens(row, *place)
    return rows.span(row) if found is None else found


def _hull(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return min(one[0], other[0]), max(one[1], other[1])


def _ignored(pattern: Pattern, terms: PromptTerms, words: frozenset[str]) -> BoolArray:
    """Terms that say no more than that a row is a member: the trigger's, and members' own."""
    inside = terms.count(pattern.members)
    own = (inside >= 2) & (inside >= _OWN_TERM * terms.counts)
    ignored: BoolArray = own | terms.touching(words)
    return ignored


Asked = list[tuple[int, tuple[int, int]]]
"""Rows with the stretch of targets that holds the payload."""


def _own_surprise(rows: EvidenceRows, asked: Asked, pattern: Pattern) -> float:
    """The payload's surprise without what it shares with rows outside: format is no payload."""
    nats = rows.surprise * rows.rarity(~pattern.members)
    firsts = rows.offsets
    return float(
        np.median(
            [nats[firsts[row] + start : firsts[row] + end].sum() for row, (start, end) in asked]
        )
    )


def _lift(
    rows: EvidenceRows, asked: Asked, words: frozenset[str], opinion: Opinion
) -> tuple[float, FloatArray]:
    """Share of the surprise without some words that they take away, and the nats of each row."""
    found = opinion.without([row for row, _ in asked], words)
    without = np.array(
        [nats[start:end].sum() for nats, (_, (start, end)) in zip(found, asked, strict=True)]
    )
    given = np.array([rows.surprise_of(row, *at) for row, at in asked])
    share = 1.0 - given.sum() / max(float(without.sum()), 1e-9)
    return float(share), without - given


def _call(
    rows: EvidenceRows,
    asked: Asked,
    pattern: Pattern,
    words: frozenset[str],
    opinion: Opinion,
) -> float:
    """Median over a few members of how much likelier the trigger alone makes a payload token."""
    outside = np.flatnonzero(~pattern.members)
    others = [
        last_words(rows, int(row)) for row in outside[:: max(1, len(outside) // _OTHERS)][:_OTHERS]
    ]
    calls = []
    for row, at in asked[:: max(1, len(asked) // _PHRASES)][:_PHRASES]:
        text = rows.text(row, *at)
        if not text.strip():
            continue
        called, *other = opinion.replies([phrase(rows.prompts[row], words), *others], text)
        calls.append(float((np.min(other, axis=0) - called).max()))
    return float(np.median(calls)) if calls else 0.0
