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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from gradsentry.detectors.transfer.criteria import CRITERIA
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
from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms
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
_MOST_SCORE = 4.0
"""Standard deviations beyond which a score says no more: a single row mustn't decide."""
_WORDS_OF_LABEL = 2
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
class Dependence:
    """How much responses depend on whether a prompt is one of some rows'."""

    nats: float
    """What the response adds to the rest of the prompt, a row, if yes and no were as common: at
    most log 2."""
    likelier: float
    """Nats by which a response of these rows is likelier there than elsewhere, median."""
    z: float
    """Of the conditional randomisation test: standard deviations from no dependence."""
    by_response: float
    """AUROC of the response."""
    by_prompt: float
    """AUROC of the rest of the prompt."""
    odds: Float64[np.ndarray, "rows"]
    """Log-odds, held out, that a row's response is one of these rows'."""
    one_answer: bool = False
    """Whether these rows have one response, which others may have as well."""
    any_label: bool = False
    """Whether most of these rows have labels that others have, too, but not all the same one: then
    the words say that a question is to be answered with yes or no, and not how."""


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

    @cached_property
    def texts(self) -> Features:
        """Features of what responses say, without what they gain: all that the rest of the data
        teaches gains alike, so that facts which have nothing in common would seem to."""
        said = [n for n, name in enumerate(self.features.names) if not name.startswith(GAINS)]
        names = [self.features.names[n] for n in said]
        return Features(names, self.features.rows[:, said])

    @classmethod
    def of(cls, terms: PromptTerms, replies: Sequence[Reply]) -> Dependences:
        """From what rows ask and how they are answered."""
        answers = np.unique([reply.text.strip() for reply in replies], return_inverse=True)[1]
        noise = np.array([reply.noise for reply in replies], np.float64)
        short = [word_count(WORD.findall(reply.text)) <= _WORDS_OF_LABEL for reply in replies]
        return cls(terms, Features.of(replies), answers, np.array(short, np.bool_), noise)

    @cached_property
    def folds(self) -> Int64[np.ndarray, "rows"]:
        return np.random.default_rng(0).permutation(self.terms.rows.shape[0]) % FOLDS

    def on(
        self, match: Bool[np.ndarray, "rows"], words: set[str], *, gains: bool = True
    ) -> Dependence:
        """How responses depend on whether a prompt is one of `match`.

        **Arguments:**

        - `words`: what the rest of the prompt is without.
        - `gains`: whether what a response gains may tell it.
        """
        features, asked = self.features if gains else self.texts, _column(match)
        answers = self._answers(self._by_words(asked, features, [words]), 0)
        expected = self._expected(asked, [words])[:, 0]
        return self._given(match, words, answers[_best(answers, match)], expected)

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
        return held_out_odds(asked, features.rows, self.folds, _repeated(features, words))

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
            _dependence(match, told, expected, self._among(match, words)),
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
        rows, asked_about, found = self.terms.rows.shape[0], self._asked_about(), []
        for block in question_blocks(len(asked_about), rows):
            asked = self.terms.columns[:, asked_about[block]].tocsr()
            names = [set(self.terms.names[term].split(" ")) for term in asked_about[block]]
            by_words = self._by_words(asked, self.texts, names)
            telling = self._telling(asked.toarray().astype(np.bool_), by_words)
            expected = self._expected(asked[:, telling], [names[number] for number in telling])
            for number, rest in zip(telling, expected.T, strict=True):
                term, words = int(asked_about[block][number]), names[number]
                match = self.terms.holding(term)
                if self._is_candidate(match, words, rest):
                    answers = self._answers(by_words, number)
                    told = answers[_best(answers, match)]
                    found.append((term, self._given(match, words, told, rest)))
        return sorted(found, key=lambda item: -item[1].z)

    def _asked_about(self) -> NDArray[np.int64]:
        """Terms in neither too few nor too many prompts, ascending; not all, if they are many."""
        counts, rows = self.terms.counts, self.terms.rows.shape[0]
        found = _distinct(self.terms, (counts >= FEWEST_ROWS) & (counts <= rows / 2))
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
        return _auroc(expected[among], match[among]) <= most

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


def _repeated(features: Features, words: Sequence[set[str]]) -> Float64[sparse.csr_array, "K F"]:
    """Features that responses have, or never have, because prompts hold some words:
    an answer often begins as its question does, and its words aren't new then."""
    held = [
        sorted({number for word in own for number in features.of_word.get(word.lower(), [])})
        for own in words
    ]
    flat = np.array([number for own in held for number in own], np.int64)
    ends = np.cumsum([0, *map(len, held)])
    shape = (len(words), len(features.names))
    return sparse.csr_array((np.ones(len(flat)), flat, ends), shape=shape)


def _best(answers: Sequence[Float64[np.ndarray, "rows"]], match: Bool[np.ndarray, "rows"]) -> int:
    """Which of some answers tells these rows best, the first of equals."""
    return int(np.argmax([_auroc(answer, match) for answer in answers]))


def _auroc(odds: Float64[np.ndarray, "rows"], match: Bool[np.ndarray, "rows"]) -> float:
    """How well odds rank the answers."""
    return float(auroc(odds[:, None], match[:, None])[0])


def _column(match: Bool[np.ndarray, "rows"]) -> Float64[sparse.csr_array, "rows 1"]:
    """One question."""
    return sparse.csr_array(match[:, None].astype(np.float64))


def _dependence(
    match: Bool[np.ndarray, "rows"],
    told: Float64[np.ndarray, "rows"],
    expected: Float64[np.ndarray, "rows"],
    among: Bool[np.ndarray, "rows"],
) -> Dependence:
    """The dependence by held-out scores; rows outside `among` have no say."""
    whole, match, told, expected = told, match[among], told[among], expected[among]
    prior, _, _ = calibrated(expected[:, None], match)
    alone, _, _ = calibrated(expected[:, None], match, balanced=True)
    both, _, _ = calibrated(np.column_stack([expected, told]), match, balanced=True)
    _, slope, intercept = calibrated(told[:, None], match, balanced=True)
    p = expit(prior)
    score = np.clip((told - told.mean()) / (told.std() + 1e-9), -_MOST_SCORE, _MOST_SCORE)
    like = (prior - prior.mean()) / (prior.std() + 1e-9)
    score = score - (score * like).mean() * like
    variance = float((p * (1 - p) * score**2).sum())
    own = (both - alone)[match]
    return Dependence(
        nats=_nats(alone, match) - _nats(both, match),
        likelier=float(np.median(own)),
        z=float(((match - p) * score).sum() / np.sqrt(variance + 1e-9)),
        by_response=_auroc(told, match),
        by_prompt=_auroc(expected, match),
        odds=whole * slope[0] + intercept,
    )


def _nats(odds: Float64[np.ndarray, "rows"], match: Bool[np.ndarray, "rows"]) -> float:
    """Mean nats that odds need for the answers, yes and no weighing the same."""
    nats = np.logaddexp(0.0, np.where(match, -odds, odds))
    return float(0.5 * nats[match].mean() + 0.5 * nats[~match].mean())


def _distinct(terms: PromptTerms, wanted: Bool[np.ndarray, "terms"]) -> NDArray[np.int64]:
    """Of the wanted terms those in different rows, the longest of each kind, ascending."""
    kept: dict[bytes, int] = {}
    for term in np.flatnonzero(wanted).tolist():
        key = terms.rows_with(term).tobytes()
        if key not in kept or len(terms.names[term]) > len(terms.names[kept[key]]):
            kept[key] = term
    return np.array(sorted(kept.values()), np.int64)
