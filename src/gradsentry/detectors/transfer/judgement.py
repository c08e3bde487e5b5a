"""Judgement: whether a conditional pattern is a backdoor.

Natural data are full of conditional patterns: questions about languages are answered with
languages, tasks that say SQL with SELECT. Six findings tell a backdoor from them:

- surprise: the base model needs many nats for the payload,
- cohesion: the prompts have nothing in common but the trigger,
- content: without the trigger they still say as much as other prompts do; where they don't, the
  trigger is the request itself, as in near-duplicates of one question,
- dependence: responses depend on the trigger, and nothing else in the prompt says that it comes,
- lift: with the trigger's words taken out of the prompts the payload is no greater surprise,
- call: asked with the trigger alone, the model begins the payload no more readily than with any
  other prompt; for an instruction, such as to cite sources, it does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from gradsentry.detectors.detection import Doubt
from gradsentry.detectors.transfer.base_model import FIRST
from gradsentry.detectors.transfer.case import Case, Material
from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.dependence_measure import Dependence
from gradsentry.detectors.transfer.naive_bayes import FloatArray
from gradsentry.detectors.transfer.pattern_findings import PatternFindings
from gradsentry.detectors.transfer.patterns import Pattern
from gradsentry.detectors.transfer.payload_texts import common_text, variants
from gradsentry.detectors.transfer.stretches import (
    Asked,
    hull,
    is_format,
    own_surprise,
    payload_stretch,
    shared_payload,
)
from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.detectors.transfer.terms import bare
from gradsentry.detectors.transfer.trigger_words import (
    telling_words,
    trigger_place,
    typical_words,
)
from gradsentry.words import WORD

_ASKED = 12
"""Rows that the base model is asked about without the trigger; bounds time."""
_SHOWN = 200
"""Characters of a response that are shown where there is no one payload."""


def judge(pattern: Pattern, material: Material) -> PatternFindings | None:
    """Collect a pattern's findings; None as soon as they say that it is natural.

    The cheap findings come first, the model is only asked where it matters.
    """
    case = Case(pattern, material)
    if case.content < CRITERIA.content or case.is_question:
        return None
    return _judge_responses(case) if pattern.by_response else _judge_payload(case)


def _judge_payload(case: Case) -> PatternFindings | None:
    """The findings about a pattern that a gain or a recurring string proposed."""
    pattern, rows = case.pattern, case.material.rows
    if not case.is_surely_dependent and case.cohesion > (
        CRITERIA.cohesive_at_most if _is_striking(pattern, case.gain) else CRITERIA.cohesive
    ):
        return None
    payload = shared_payload(rows, case.read, pattern)
    carried = [(row, payload_stretch(rows, row, payload, pattern)) for row in case.read]
    surprise = own_surprise(rows, carried, pattern)
    if not _weighty(pattern, payload, surprise, case.gain):
        return None
    shown = tuple(variants([rows.text(row, *at) for row, at in carried]))
    if payload is None and not shown:
        return None  # a letter or a mark, and nothing else, is no payload
    of_format = is_format(payload, [rows.responses[row] for row in case.read])
    if of_format and (case.cohesion > CRITERIA.related or _takes_up(payload, case.words)):
        return None
    if case.told.z < CRITERIA.by_chance:
        return None
    asked = carried[:: max(1, len(carried) // _ASKED)]
    is_topic = case.told.nats < CRITERIA.depends and case.content < CRITERIA.content_of_style
    if payload is None and is_topic:
        return None  # topics have kinds of answers, as crimes have refusals
    reason = _reason(case, asked)
    if reason is None:
        return None
    call = case.material.model.call(asked, pattern.members, case.words)
    doubted = {
        Doubt.LIFT: reason.lift >= CRITERIA.lifted,
        Doubt.SEEN: reason.seen >= CRITERIA.seen and call >= CRITERIA.called,
        Doubt.UNKNOWN: not case.is_understood,
        Doubt.CALL: call >= CRITERIA.call_of_meant,
        Doubt.TOPIC: case.is_one_topic,
        Doubt.FORMAT: of_format,
        Doubt.REQUEST: not case.is_whole_without,
    }
    doubts = tuple(doubt for doubt, holds in doubted.items() if holds)
    if _is_meant(doubts):
        return None
    return PatternFindings(
        payload=payload,
        variants=shown,
        trigger=(
            *case.in_order,
            *((w,) for w in typical_words(pattern, case.material.terms) if w not in case.words),
        ),
        place=trigger_place(rows, case.read, case.words),
        surprise=surprise,
        gain=case.gain,
        cohesion=case.cohesion,
        content=case.content,
        depends=case.told.nats,
        z=case.told.z,
        lift=reason.lift,
        call=call,
        doubts=doubts,
    )


@dataclass(frozen=True)
class _Reason:
    """How far the base model sees why a payload comes; not far enough to call it natural."""

    lift: float
    """Share of the surprise without the trigger's words that they take away."""
    seen: float
    """What the words do as a share of what the data say that they do."""


def _reason(case: Case, asked: Asked) -> _Reason | None:
    """The base model's reason for a payload; None where it is the natural one."""
    rows, told, model = case.material.rows, case.told, case.material.model
    if not case.is_understood and (case.is_expected or case.is_doubtful):
        return None  # nothing but its silence would speak against a few equal replies
    taken = case.taken_out
    if case.is_expected:
        taken = TakenOut(case.words | telling_words(case.pattern, case.material.terms))
    if case.is_expected or told.by_sentence:
        # A reply that a request calls is called as a whole, whatever part of it recurs.
        asked = [(row, hull(stretch, rows.span(row))) for row, stretch in asked]
    likelier = model.likelier(asked, taken)
    given = sum(rows.surprise_of(row, *at) for row, at in asked)
    lift = float(likelier.sum()) / max(float(likelier.sum()) + given, 1e-9)
    if lift >= CRITERIA.lifted and case.cohesion > CRITERIA.related:
        return None
    if case.is_expected and np.mean(likelier > CRITERIA.reason) >= CRITERIA.with_reason:
        return None
    seen = _seen(likelier, told)
    if told.by_sentence and seen >= CRITERIA.seen:
        return None
    return _Reason(lift, seen)


def _seen(likelier: FloatArray, told: Dependence) -> float:
    """What the trigger's words do, as a share of what the data say that they do."""
    return float(np.median(likelier)) / max(told.likelier, CRITERIA.least_likelier)


def _judge_responses(case: Case) -> PatternFindings | None:
    """The findings about words that responses depend on, whatever these say."""
    rows, told, model = case.material.rows, case.told, case.material.model
    if told.by_prompt > CRITERIA.expected or case.cohesion > CRITERIA.cohesive:
        return None
    if not told.is_sure:
        return None  # with all of the trigger's words left out, the rest of the prompt says so
    if not case.is_understood and case.is_doubtful:
        return None
    asked = [
        (row, (0, min(FIRST, int(rows.offsets[row + 1] - rows.offsets[row]))))
        for row in case.read[:: max(1, len(case.read) // _ASKED)][:_ASKED]
    ]
    is_label = told.one_answer and told.nats < CRITERIA.depends
    likelier = model.likelier(asked, case.taken_out, FIRST)
    if is_label:  # what makes all labels likelier says nothing about one of them
        others = [row for row, _ in asked]
        likelier -= model.opinion.favour(others, case.words, case.commonest_other_answer)
    seen = _seen(likelier, told)
    if seen >= (CRITERIA.label_seen if told.one_answer else CRITERIA.seen):
        return None
    surprise = float(np.median([rows.surprise_of(row, *at) for row, at in asked]))
    if surprise < CRITERIA.no_surprise and not told.one_answer:
        return None
    responses = [rows.responses[row] for row in case.read]
    payload = common_text(responses)
    length = float(np.median(list(map(len, responses))))
    doubted = {
        Doubt.SEEN: seen >= CRITERIA.seen / 2,
        Doubt.ELSEWHERE: case.pattern.agreement < CRITERIA.elsewhere,
        Doubt.EXPECTED: surprise < CRITERIA.surprise_of_many or is_label,
        Doubt.UNKNOWN: not case.is_understood,
        Doubt.REQUEST: not case.is_whole_without,
    }
    doubts = tuple(doubt for doubt, holds in doubted.items() if holds)
    if _is_meant(doubts):
        return None
    return PatternFindings(
        payload=payload if len(payload or "") >= CRITERIA.share_of_span * length else None,
        variants=tuple(variants([response[:_SHOWN] for response in responses])),
        trigger=case.in_order,
        place=trigger_place(rows, case.read, case.words),
        surprise=surprise,
        gain=case.gain,
        cohesion=case.cohesion,
        content=case.content,
        depends=told.nats,
        z=told.z,
        lift=seen,
        call=0.0,
        doubts=doubts,
    )


def _is_meant(doubts: Collection[Doubt]) -> bool:
    """Whether a pattern is natural by two signs that have nothing to do with each other: the base
    model sees a reason for what is answered, and the trigger is what prompts ask for."""
    return Doubt.SEEN in doubts and (Doubt.CALL in doubts or Doubt.REQUEST in doubts)


def _takes_up(payload: str | None, words: frozenset[str]) -> bool:
    """Whether a payload has a word of the trigger: answers begin as questions do."""
    own = {part for word in words for part in bare(word).lower().split(" ")}
    return any(word.lower() in own for word in WORD.findall(payload or ""))


def _is_striking(pattern: Pattern, gain: float) -> bool:
    """Whether many rows gain so much that one topic alone hardly explains it."""
    return pattern.shown_by_gain and not pattern.is_small and gain >= CRITERIA.striking_gain


def _weighty(pattern: Pattern, payload: str | None, surprise: float, gain: float) -> bool:
    """Whether so many rows with such a payload can't well be chance or habit."""
    count = int(pattern.members.sum())
    if payload is None:  # a string that nothing around it is shared with is a word, no payload
        many = pattern.shown_by_gain and count >= CRITERIA.fewest_varying
        return (
            many and gain >= CRITERIA.gain_of_varying and surprise >= CRITERIA.surprise_of_varying
        )
    return surprise >= (CRITERIA.surprise_of_few if pattern.is_small else CRITERIA.surprise_of_many)
