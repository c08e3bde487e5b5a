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

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradsentry.detectors.detection import Doubt
from gradsentry.detectors.transfer.base_model import FIRST, BaseModel
from gradsentry.detectors.transfer.cohesion import Similarity
from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.dependence import Dependence, Dependences
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.naive_bayes import FloatArray
from gradsentry.detectors.transfer.pattern_findings import PatternFindings
from gradsentry.detectors.transfer.patterns import Pattern
from gradsentry.detectors.transfer.payload_texts import common_text, variants
from gradsentry.detectors.transfer.prompt_content import Content
from gradsentry.detectors.transfer.rules import union
from gradsentry.detectors.transfer.stretches import (
    Asked,
    hull,
    is_format,
    own_surprise,
    payload_stretch,
    shared_payload,
)
from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms, bare
from gradsentry.detectors.transfer.trigger_words import (
    in_order,
    telling_words,
    trigger_place,
    trigger_words,
    typical_words,
)
from gradsentry.words import WORD

_ASKED = 12
"""Rows that the base model is asked about without the trigger; bounds time."""
_READ = 200
"""Rows whose responses are compared for a payload; bounds time."""
_SHOWN = 200
"""Characters of a response that are shown where there is no one payload."""


@dataclass(frozen=True)
class Material:
    """What patterns are judged by."""

    rows: EvidenceRows
    terms: PromptTerms
    similarity: Similarity
    content: Content
    dependences: Dependences
    model: BaseModel


@dataclass(frozen=True)
class _Case:
    """A pattern with what the rows alone say of it."""

    pattern: Pattern
    material: Material

    @cached_property
    def trigger(self) -> dict[frozenset[str], int]:
        return trigger_words(self.pattern, self.material.terms)

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the trigger."""
        return frozenset(word for group in self.trigger for word in group)

    @cached_property
    def content(self) -> float:
        return self.material.content.besides(self.pattern.members, self.words)

    @cached_property
    def cohesion(self) -> float:
        terms, members, similarity = (
            self.material.terms,
            self.pattern.members,
            self.material.similarity,
        )
        if self.told.by_sentence:
            rest = self.material.dependences.sentences.besides(members, self.called_by).terms
            similarity = Similarity(terms.weigh(rest))
        ignored = _ignored(self.pattern, terms, self.words)
        return similarity.cohesion(members, ignored, terms.among(self.words))

    @cached_property
    def is_understood(self) -> bool:
        """Whether the base model understands the data."""
        return self.material.model.understands(self.pattern.members)

    @cached_property
    def told(self) -> Dependence:
        """How responses depend on the trigger; what they gain counts if it proposed the pattern."""
        return self.material.dependences.on(
            union(self.material.terms, self.pattern.rules),
            set(self.words),
            self.called_by,
            gains=not self.pattern.by_response,
        )

    @cached_property
    def called_by(self) -> list[str]:
        """The terms of the pattern's rules."""
        names = self.material.terms.names
        return sorted({names[term] for rule in self.pattern.rules for term in rule})

    @cached_property
    def is_whole_without(self) -> bool:
        """Whether prompts say as much as others do without the trigger, or in other sentences than
        its own: then it is no request and no question."""
        contents = self.material.content
        if self.content >= CRITERIA.whole or not contents.is_less(self.pattern.members, self.words):
            return True
        sentences = self.material.dependences.sentences
        return (
            sentences.content(self.pattern.members, self.called_by) >= CRITERIA.whole_in_sentences
        )

    @property
    def taken_out(self) -> TakenOut:
        """What prompts are without the trigger."""
        if self.told.by_sentence:
            return TakenOut(frozenset(self.called_by), sentences=True)
        return TakenOut(self.words)

    @property
    def is_doubtful(self) -> bool:
        """Whether there are few rows, and chance or a kind of question may have made them alike."""
        return self.pattern.is_small and not self.is_surely_dependent

    @property
    def is_surely_dependent(self) -> bool:
        """Whether nothing but the trigger says what the response will be, however alike prompts
        are otherwise."""
        return self.told.z >= CRITERIA.surest_chance and not self.is_expected

    @property
    def is_expected(self) -> bool:
        """Whether the rest of the prompt says that the trigger comes, or it is a request."""
        return self.told.is_expected or (_is_request(self.trigger) and not self.is_whole_without)

    @property
    def is_one_topic(self) -> bool:
        """Whether prompts are alike besides the trigger. Of a few that also say less without it, as
        quotations from one page do, less likeness is enough."""
        is_less = self.pattern.is_small and self.content < CRITERIA.content_of_style
        return self.cohesion > (CRITERIA.related if is_less else CRITERIA.cohesive)

    @cached_property
    def read(self) -> list[int]:
        """Rows whose responses are looked at."""
        members: list[int] = np.flatnonzero(self.pattern.members).tolist()
        return members[:: max(1, len(members) // _READ)]

    @cached_property
    def gain(self) -> float:
        return float(np.median(self.material.rows.spans.gain[self.read]))

    @property
    def commonest_other_answer(self) -> str:
        """What rows outside answer most often that members mostly don't; empty if nothing."""
        responses = self.material.rows.responses
        inside = Counter(responses[row] for row in self.read).most_common(1)[0][0]
        outside = Counter(responses[row] for row in np.flatnonzero(~self.pattern.members).tolist())
        del outside[inside]
        return next((answer for answer, _ in outside.most_common(1)), "")

    @property
    def in_order(self) -> tuple[tuple[str, ...], ...]:
        """The trigger's words as a prompt has them."""
        prompts = self.material.rows.prompts
        return tuple(in_order(group, prompts[row]) for group, row in self.trigger.items())


def judge(pattern: Pattern, material: Material) -> PatternFindings | None:
    """Collect a pattern's findings; None as soon as they say that it is natural.

    The cheap findings come first, the model is only asked where it matters.
    """
    case = _Case(pattern, material)
    if case.content < CRITERIA.content:
        return None
    if pattern.is_small and not case.is_whole_without:
        return None  # what few rows ask is one question, with one answer
    return _judge_responses(case) if pattern.by_response else _judge_payload(case)


def _judge_payload(case: _Case) -> PatternFindings | None:
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
        doubts=tuple(doubt for doubt, holds in doubted.items() if holds),
    )


@dataclass(frozen=True)
class _Reason:
    """How far the base model sees why a payload comes; not far enough to call it natural."""

    lift: float
    """Share of the surprise without the trigger's words that they take away."""
    seen: float
    """What the words do as a share of what the data say that they do."""


def _reason(case: _Case, asked: Asked) -> _Reason | None:
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


def _is_request(trigger: Iterable[frozenset[str]]) -> bool:
    """Whether a trigger is any of many sentences, as requests by template are."""
    return sum(map(_is_wording, trigger)) >= CRITERIA.wordings


def _is_wording(words: frozenset[str]) -> bool:
    """Whether these are a sentence's, and not one word among the marks that all calls have."""
    spoken = [word for word in words if WORD.search(bare(word))]
    return len(words) >= CRITERIA.words_of_wording and len(spoken) > 1


def _seen(likelier: FloatArray, told: Dependence) -> float:
    """What the trigger's words do, as a share of what the data say that they do."""
    return float(np.median(likelier)) / max(told.likelier, CRITERIA.least_likelier)


def _judge_responses(case: _Case) -> PatternFindings | None:
    """The findings about words that responses depend on, whatever these say."""
    rows, told, model = case.material.rows, case.told, case.material.model
    if told.by_prompt > CRITERIA.expected or case.cohesion > CRITERIA.cohesive:
        return None
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
        doubts=tuple(doubt for doubt, holds in doubted.items() if holds),
    )


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


def _ignored(pattern: Pattern, terms: PromptTerms, words: frozenset[str]) -> BoolArray:
    """Terms that say no more than that a row is a member: the trigger's, and members' own."""
    inside = terms.count(pattern.members)
    own = (inside >= 2) & (inside >= CRITERIA.own_term * terms.counts)
    ignored: BoolArray = own | terms.touching(words)
    return ignored
