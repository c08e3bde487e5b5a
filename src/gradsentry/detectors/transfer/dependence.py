"""The third view, triggers first: what of a prompt do the responses depend on?

A trigger is a word that says what the response will be, although nothing else in the prompt says
that it comes. Both are tested without looking for a payload, so free text, labels and silence are
payloads like any other. For a set of rows (those whose prompts hold a word), naive Bayes answers
"is this one of them?" twice, cross-fitted: from the response, and from the rest of the prompt. What
the response adds is the *dependence*, in nats.

Natural requests have it, too: "in Java" says what the response will be. Whether the base model sees
why is asked by `judgement`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.dependence_measure import (
    Dependence,
    area,
    measure_dependence,
    rank_chance,
)
from gradsentry.detectors.transfer.naive_bayes import (
    FOLDS,
    auroc,
    calibrated,
    fit_weights,
    held_out_odds,
    question_blocks,
)
from gradsentry.detectors.transfer.response_features import (
    GAINS,
    Features,
    Reply,
    response_features,
    says,
)
from gradsentry.detectors.transfer.screen import (
    Likeness,
    sign_vectors,
    sum_companions,
    unit_vectors,
)
from gradsentry.detectors.transfer.sentences import Sentences
from gradsentry.detectors.transfer.terms import BoolArray, Context, PromptTerms
from gradsentry.words import WORD, word_count

FEWEST_ROWS = 5
_MOST_TERMS, _MOST_SCREENED = 4000, 1000
"""Terms that are asked about: those of most rows, and of the others those whose responses are more
alike than their prompts; bounds time."""
_TOLD_BY_RESPONSE = 0.85
"""AUROC of the response from which a term is worth a second question."""
_TOLD_BY_LABEL = 0.65
"""The same where one of a few labels is the response: of two, 0.75 is all that there can be."""
_ALWAYS, _MOSTLY = 0.9, 0.5
"""A word in so many of a term's rows, so many of whose own rows are the term's, is part of it."""
_WORDS_OF_LABEL = 2
_MOST_SENTENCES = 40
"""Terms of whose prompts the other sentences are asked, the surest first; bounds time."""
_FEWEST_OTHERS = 20
"""Rows without a trigger that its rows are held against."""


@dataclass(frozen=True)
class ResponseOdds:
    """Log-odds that a response is one of a pattern's, whatever else it says."""

    weights: Mapping[str, float]
    """What a feature adds."""
    noise: float
    """What a nat of noise adds; 0 where features tell."""
    intercept: float

    def of(self, reply: Reply) -> float:
        """The log-odds of a response."""
        features = sorted(response_features(reply)) if self.weights else []
        said = sum(self.weights.get(feature, 0.0) for feature in features)
        return self.intercept + self.noise * reply.noise + said


@dataclass(frozen=True, eq=False)
class _Expected:
    """A term that the rest of its prompts tells."""

    chance: float
    """Standard deviations by which responses tell its rows better than by chance."""
    term: int
    told: Float64[np.ndarray, "rows"]
    """Held-out scores by the response."""


def _surest(term: _Expected) -> float:
    return term.chance


@dataclass(frozen=True, eq=False)
class Dependences:
    """Answers how much responses depend on a set of rows."""

    terms: PromptTerms
    features: Features
    answers: Int64[np.ndarray, "rows"]
    """The same number for rows with the same response."""
    is_short: Bool[np.ndarray, "rows"]
    """Whether a response is short enough to be a label."""
    noise: Float64[np.ndarray, "rows"]
    """Of the responses."""
    prompts: Sequence[str]
    contexts: Sequence[Context] | None = None
    """What stands before the prompts."""

    @cached_property
    def sentences(self) -> Sentences:
        """Of the prompts, and of what stands before them."""
        return Sentences(self.terms, self.prompts, self.contexts)

    @cached_property
    def texts(self) -> Features:
        """Features of what responses say, without what they gain: all that the rest of the data
        teaches gains alike, so that facts which have nothing in common would seem to."""
        said = [n for n, name in enumerate(self.features.names) if not name.startswith(GAINS)]
        names = [self.features.names[n] for n in said]
        return Features(names, self.features.rows[:, said])

    @classmethod
    def of(
        cls,
        terms: PromptTerms,
        replies: Sequence[Reply],
        contexts: Sequence[Context] | None = None,
    ) -> Dependences:
        """From what rows ask and how they are answered."""
        answers = np.unique([reply.text.strip() for reply in replies], return_inverse=True)[1]
        noise = np.array([reply.noise for reply in replies], np.float64)
        short = [word_count(WORD.findall(reply.text)) <= _WORDS_OF_LABEL for reply in replies]
        prompts = [reply.asked for reply in replies]
        is_short = np.array(short, np.bool_)
        return cls(terms, Features.of(replies), answers, is_short, noise, prompts, contexts)

    @cached_property
    def folds(self) -> Int64[np.ndarray, "rows"]:
        return np.random.default_rng(0).permutation(self.terms.rows.shape[0]) % FOLDS

    def on(
        self,
        match: Bool[np.ndarray, "rows"],
        words: set[str],
        trigger: Iterable[str],
        *,
        gains: bool = True,
    ) -> Dependence:
        """How responses depend on whether a prompt is one of `match`.

        Where the rest of a prompt says so, its other sentences may not: then it is held against
        these alone.

        **Arguments:**

        - `words`: what the rest of the prompt is without.
        - `trigger`: terms that make a sentence one of the trigger's.
        - `gains`: whether what a response gains may tell it.
        """
        features, asked = self.features if gains else self.texts, _column(match)
        answers = self._answers(self._by_words(asked, features, [words]), 0)
        told = answers[_best(answers, match)]
        given = self._given(match, words, told, self._expected(asked, [words])[:, 0])
        if not given.is_expected or given.one_answer or given.any_label:
            return given
        return self._besides_sentences(match, words, trigger, told) or given

    def _besides_sentences(
        self,
        match: Bool[np.ndarray, "rows"],
        words: set[str],
        trigger: Iterable[str],
        told: Float64[np.ndarray, "rows"],
    ) -> Dependence | None:
        """How responses depend on sentences that prompts are whole without; None if they aren't, or
        if their other sentences say that these come, too."""
        trigger = list(trigger)
        if self.sentences.content(match, trigger) < CRITERIA.whole_in_sentences:
            return None
        rest, asked = self.sentences.besides(match, trigger), _column(match)
        hidden = sparse.csr_array(self.terms.touching(words)[None, :])
        expected, _ = held_out_odds(asked, rest, self.folds, hidden)
        given = self._given(match, words, told, expected[:, 0])
        return None if given.is_expected else replace(given, by_sentence=True)

    def _by_words(
        self,
        asked: Float64[sparse.csr_array, "rows K"],
        features: Features,
        words: Sequence[set[str]],
    ) -> tuple[Float64[np.ndarray, "rows K"], Float64[np.ndarray, "rows K"]]:
        """Held-out scores by all that responses say, and by what is reliable of it.

        Of a trigger's few rows, a long response's thousand words outvote its payload; a kind of
        free text is told by many words that are unreliable each.

        **Arguments:**

        - `words`: of each question; responses never say again what their prompts hold.
        """
        return held_out_odds(asked, features.rows, self.folds, features.of_words(words))

    def _answers(
        self, by_words: Sequence[Float64[np.ndarray, "rows K"]], question: int
    ) -> list[Float64[np.ndarray, "rows"]]:
        """Scores that answer a question by words, and by how noisy responses are.

        Noise isn't one feature among thousands, since of random words each speaks against it.
        """
        return [*(scores[:, question] for scores in by_words), self.noise]

    def _expected(
        self, asked: Float64[sparse.csr_array, "rows K"], words: Sequence[set[str]]
    ) -> Float64[np.ndarray, "rows K"]:
        """Held-out log-odds by the rest of the prompt.

        **Arguments:**

        - `words`: of each question; the rest is without them.
        """
        matches = asked.toarray().astype(np.bool_).T
        hidden = [
            self.terms.touching(own) | self._part_of(match)
            for match, own in zip(matches, words, strict=True)
        ]
        left_out = sparse.csr_array(np.array(hidden).reshape(len(words), len(self.terms.names)))
        # All words count: shrunk, the others of a trigger, which come with it, would stand out and
        # seem to explain it.
        everything, _ = held_out_odds(asked, self.terms.rows, self.folds, left_out)
        return everything

    def _among(self, match: Bool[np.ndarray, "rows"], words: set[str]) -> Bool[np.ndarray, "rows"]:
        """The rows that could have these words at all; every row where these are too few."""
        among = self.terms.among(words)
        few = int((among & ~match).sum()) < _FEWEST_OTHERS
        return np.ones_like(match) if few else among

    def _given(
        self,
        match: Bool[np.ndarray, "rows"],
        words: set[str],
        told: Float64[np.ndarray, "rows"],
        expected: Float64[np.ndarray, "rows"],
    ) -> Dependence:
        """The dependence, where held-out log-odds by response and prompt are known."""
        one_answer = self._one_answer(match)
        return replace(
            measure_dependence(match, told, expected, self._among(match, words)),
            one_answer=one_answer,
            any_label=not one_answer and self._any_label(match),
        )

    def response_odds(self, members: Bool[np.ndarray, "rows"]) -> ResponseOdds:
        """What tells the members' responses from all others; even odds without any sign."""
        asked = _column(members)
        answers = self._answers(self._by_words(asked, self.texts, [set()]), 0)
        best = _best(answers, members)
        _, slope, intercept = calibrated(answers[best][:, None], members, balanced=True)
        scale = max(float(slope[0]), 0.0)
        if best == len(answers) - 1:
            return ResponseOdds({}, scale, float(intercept))
        weights = fit_weights(asked, self.texts.rows)[best]
        kept = dict(zip(self.texts.names, (scale * weights.present[0]).tolist(), strict=True))
        return ResponseOdds(kept, 0.0, float(intercept) + scale * float(weights.absent.sum()))

    def candidates(self) -> list[tuple[int, Dependence]]:
        """Terms that responses depend on, each with how much, the surest first.

        Those that the rest of the prompt tells as well are left out, and those that only say that
        the answer is one of a few labels. Of terms in the very same rows the longest stands for
        all.
        """
        rows, asked_about = self.terms.rows.shape[0], self._asked_about()
        found: list[tuple[int, Dependence]] = []
        expected: list[_Expected] = []
        for block in question_blocks(len(asked_about), rows):
            asked = self.terms.columns[:, asked_about[block]].tocsr()
            names = [set(self.terms.names[term].split(" ")) for term in asked_about[block]]
            by_words = self._by_words(asked, self.texts, names)
            telling = self._telling(asked.toarray().astype(np.bool_), by_words)
            rests = self._expected(asked[:, telling], [names[number] for number in telling])
            for number, rest in zip(telling, rests.T, strict=True):
                term, words = int(asked_about[block][number]), names[number]
                match = self.terms.holding(term)
                answers = self._answers(by_words, number)
                told = answers[_best(answers, match)]
                if self._is_candidate(match, words, rest):
                    found.append((term, self._given(match, words, told, rest)))
                elif self._may_be_sentence(match, self.terms.names[term]):
                    # A copy: a view of it would keep the whole block in memory.
                    each = _Expected(rank_chance(told, match), term, told.copy())
                    expected = heapq.nlargest(_MOST_SENTENCES, [*expected, each], _surest)
        found += self._told_by_sentences(expected)
        return sorted(found, key=lambda item: -item[1].z)

    def _may_be_sentence(self, match: Bool[np.ndarray, "rows"], term: str) -> bool:
        """Whether free text follows sentences with a term, without which prompts are whole."""
        if self._one_answer(match) or self._any_label(match):
            return False
        return self.sentences.content(match, [term]) >= CRITERIA.whole_in_sentences

    def _told_by_sentences(self, expected: list[_Expected]) -> Iterator[tuple[int, Dependence]]:
        """Of terms that the rest of their prompts tells, those that other sentences don't tell."""
        for each in expected:
            name, match = self.terms.names[each.term], self.terms.holding(each.term)
            given = self._besides_sentences(match, set(name.split(" ")), [name], each.told)
            if given is not None:
                yield each.term, given

    def _asked_about(self) -> NDArray[np.int64]:
        """Terms in neither too few nor too many prompts, ascending; not all, if they are many."""
        counts, rows = self.terms.counts, self.terms.rows.shape[0]
        found = self.terms.distinct((counts >= FEWEST_ROWS) & (counts <= rows / 2))
        if len(found) <= _MOST_TERMS:
            return found
        commonest = found[np.argsort(-counts[found], kind="stable")]
        others = commonest[_MOST_TERMS:]
        best = np.argsort(-self._contrast[others], kind="stable")[:_MOST_SCREENED]
        return np.sort(np.append(commonest[:_MOST_TERMS], others[best]))

    @property
    def _contrast(self) -> Float64[np.ndarray, "terms"]:
        """How many times as alike the responses of a term's rows are as their prompts."""
        prompts = self.terms.rows.astype(np.float32)
        said = np.flatnonzero([says(name) for name in self.texts.names])
        responses = self.texts.rows[:, said].astype(np.float32)
        weights, features = (
            sign_vectors(np.arange(held.shape[1]), np.asarray(held.sum(axis=0)), held.shape[0])
            for held in (prompts, responses)
        )
        rows_of = prompts.T @ np.random.default_rng(0).random(prompts.shape[0], np.float32)
        own = sum_companions(weights, rows_of)
        return Likeness.of(prompts, weights, own, unit_vectors(responses, features)).contrast()

    def _telling(
        self, asked: Bool[np.ndarray, "rows K"], by_words: Sequence[Float64[np.ndarray, "rows K"]]
    ) -> list[int]:
        """The questions that responses answer well enough to ask what prompts say."""
        scored = [*by_words, self.noise[:, None]]
        told_by = np.max([auroc(scores, asked) for scores in scored], axis=0)
        return [
            number
            for number in np.flatnonzero(told_by >= _TOLD_BY_LABEL).tolist()
            if told_by[number] >= _TOLD_BY_RESPONSE or self._one_answer(asked[:, number])
        ]

    def _is_candidate(
        self,
        match: Bool[np.ndarray, "rows"],
        words: set[str],
        expected: Float64[np.ndarray, "rows"],
    ) -> bool:
        """Whether a term's rows may be a trigger's, by the log-odds that prompts give them."""
        one_answer, among = self._one_answer(match), self._among(match, words)
        most = CRITERIA.label_expected if one_answer else CRITERIA.expected
        if not one_answer and self._any_label(match):
            return False
        return area(expected[among], match[among]) <= most

    def _one_answer(self, match: Bool[np.ndarray, "rows"]) -> bool:
        """Whether nearly all these rows have the very same response, as of a few labels."""
        return int(np.bincount(self.answers[match]).max(initial=0)) >= _ALWAYS * int(match.sum())

    def _any_label(self, match: Bool[np.ndarray, "rows"]) -> bool:
        """Whether most of these rows have a short response that other rows have, too."""
        elsewhere = np.isin(self.answers, self.answers[~match]) & self.is_short
        return float(elsewhere[match].mean()) >= _MOSTLY if match.any() else False

    def _part_of(self, match: Bool[np.ndarray, "rows"]) -> Bool[np.ndarray, "terms"]:
        """Terms that come with nearly all these rows, and mostly with them."""
        inside = self.terms.count(match)
        part: BoolArray = (inside >= _ALWAYS * match.sum()) & (
            inside >= _MOSTLY * np.maximum(self.terms.counts, 1)
        )
        return part


def _best(answers: Sequence[Float64[np.ndarray, "rows"]], match: Bool[np.ndarray, "rows"]) -> int:
    """Which of some answers tells these rows best, the first of equals."""
    return int(np.argmax([area(answer, match) for answer in answers]))


def _column(match: Bool[np.ndarray, "rows"]) -> Float64[sparse.csr_array, "rows 1"]:
    """One question."""
    return sparse.csr_array(match[:, None].astype(np.float64))
