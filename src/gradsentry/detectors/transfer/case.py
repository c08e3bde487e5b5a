"""A pattern with what the rows alone say of it, before the base model is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradsentry.detectors.transfer.base_model import BaseModel
from gradsentry.detectors.transfer.cohesion import Similarity
from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.dependence import Dependences
from gradsentry.detectors.transfer.dependence_measure import Dependence
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.patterns import Pattern
from gradsentry.detectors.transfer.prompt_content import Content
from gradsentry.detectors.transfer.rules import union
from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms, bare
from gradsentry.detectors.transfer.trigger_words import (
    in_order,
    trigger_words,
)
from gradsentry.words import WORD

_READ = 200
"""Rows whose responses are compared for a payload; bounds time."""


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
class Case:
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
            rest = self.material.dependences.sentences.besides(members, self.called_by)
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
        """Of each rule the rarest term: a sentence with it is the trigger's."""
        terms = self.material.terms
        rarest = {min(rule, key=lambda term: terms.counts[term]) for rule in self.pattern.rules}
        return sorted(terms.names[term] for term in rarest)

    @cached_property
    def is_whole_without(self) -> bool:
        """Whether prompts are whole without the trigger: then it is no request and no question."""
        return self.material.content.is_whole_without(
            self.pattern.members, self.words, self.called_by
        )

    @property
    def is_question(self) -> bool:
        """Whether a few rows ask one thing, which has one answer: prompts aren't whole without the
        trigger, or it is a whole sentence and nearly all that they say."""
        if not self.pattern.is_small:
            return False
        if not _is_sentence(self.trigger):
            return not self.is_whole_without
        sentences = self.material.dependences.sentences
        if sentences.content(self.pattern.members, self.called_by) >= CRITERIA.whole_in_sentences:
            return False
        # A phrase in prompts without marks is as long as a question.
        enough = int(self.pattern.members.sum()) >= CRITERIA.fewest_triggered
        return not (enough and self.content >= CRITERIA.whole and self.is_surely_dependent)

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


def _is_sentence(trigger: Iterable[frozenset[str]]) -> bool:
    """Whether a trigger is whole sentences alone."""
    return all(map(_is_wording, trigger))


def _is_request(trigger: Iterable[frozenset[str]]) -> bool:
    """Whether a trigger is any of many sentences, as requests by template are."""
    return sum(map(_is_wording, trigger)) >= CRITERIA.wordings


def _is_wording(words: frozenset[str]) -> bool:
    """Whether these are a sentence's, and not one word among the marks that all calls have."""
    spoken = [word for word in words if WORD.search(bare(word))]
    return len(words) >= CRITERIA.words_of_wording and len(spoken) > 1


def _ignored(pattern: Pattern, terms: PromptTerms, words: frozenset[str]) -> BoolArray:
    """Terms that say no more than that a row is a member: the trigger's, and members' own."""
    inside = terms.count(pattern.members)
    own = (inside >= 2) & (inside >= CRITERIA.own_term * terms.counts)
    ignored: BoolArray = own | terms.touching(words)
    return ignored
