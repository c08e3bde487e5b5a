"""Conditional patterns, triggers first, whatever the payload is (docs/findings/verdicts.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.dependence import Dependences
from gradsentry.detectors.transfer.dependence_measure import Dependence
from gradsentry.detectors.transfer.naive_bayes import auroc
from gradsentry.detectors.transfer.patterns import (
    PRIOR_RANGE,
    Gains,
    Membership,
    Pattern,
    correlation,
)
from gradsentry.detectors.transfer.prompt_content import Content
from gradsentry.detectors.transfer.rules import union
from gradsentry.detectors.transfer.terms import PromptTerms

_MOST_TRIGGERS = 12
"""Words that the model is asked about, the surest first; bounds time."""
_MOST_WEIGHED = 200
"""Words of which it is asked whether prompts are whole without them; bounds time."""
_WORTH_JOINING, _WORTH_NATS = 4.0, 0.25
"""Standard deviations and nats from which a word may be one of several triggers of one backdoor:
the rows of the others speak against each."""
_LIKE = 0.85
"""AUROC from which the responses of one word's rows are like those of another's."""
_PART = 0.8
"""Words in mostly the rows of surer ones say nothing new."""
_ROUNDS_OF_SHARE = 20


def trigger_patterns(
    terms: PromptTerms, dependences: Dependences, content: Content, gain: NDArray[np.float64]
) -> Iterator[Pattern]:
    """Words that responses depend on, although nothing else in the prompts says that they come.

    **Arguments:**

    - `content`: of the prompts. A word without which they say much less is what they ask.
    - `gain`: shape (rows,), log(1 + nats) of the best span.
    """
    gains = Gains(gain)
    for rule_terms, told in _triggers(terms, dependences, content):
        rules = tuple((term,) for term in rule_terms)
        match = union(terms, rules)
        if match.sum() < CRITERIA.fewest_triggered or not told.is_sure:
            continue
        prior = _mixture(told.odds[match])
        members = match & (told.odds + prior > 0)
        if members.sum() < CRITERIA.fewest_triggered:
            continue
        odds = dependences.response_odds(match)
        response = replace(odds, intercept=odds.intercept + prior)
        yield Pattern(
            rules,
            Membership(0.0, 0.0, None, 0.0, response),
            np.packbits(members),
            len(match),
            gains.best_cut(match)[0],
            0.0,
            None,
            correlation(match, told.odds > 0),
        )


def _triggers(
    terms: PromptTerms, dependences: Dependences, content: Content
) -> Iterator[tuple[list[int], Dependence]]:
    """Words that responses depend on, those of like responses together, the surest first."""
    worth = (
        (term, told)
        for term, told in dependences.candidates()
        if told.z >= _WORTH_JOINING and (told.nats >= _WORTH_NATS or told.one_answer)
    )
    added = (
        (term, told)
        for term, told in islice(worth, _MOST_WEIGHED)
        if content.is_whole_without(
            terms.holding(term), frozenset(terms.names[term].split(" ")), [terms.names[term]]
        )
    )
    candidates = list(islice(added, _MOST_TRIGGERS))
    while candidates:
        (first, told), *others = candidates
        joined, match = [first], terms.holding(first)
        left = []
        for term, other in others:
            new = terms.holding(term) & ~match
            if new.sum() <= (1 - _PART) * terms.counts[term]:
                continue  # a word in mostly the rows of a surer one says nothing new
            outside = ~match
            alike = auroc(told.odds[outside][:, None], new[outside][:, None])[0]
            if alike < _LIKE:
                left.append((term, other))
                continue
            names = [terms.names[each] for each in (*joined, term)]
            words = {word for name in names for word in name.split(" ")}
            both = dependences.on(match | new, words, names, gains=False)
            if both.z > told.z and both.nats > told.nats:  # others like them were the exception
                joined.append(term)
                match |= new
                told = both
            else:
                left.append((term, other))
        yield joined, told
        candidates = left


def _mixture(odds: NDArray[np.float64]) -> float:
    """The log-odds that a row is a member, before its response is seen.

    **Arguments:**

    - `odds`: shape (matches,): log-odds of their responses, if members were as common as others.
    """
    likely = expit(odds)
    share = 0.5
    for _ in range(_ROUNDS_OF_SHARE):
        member = share * likely
        share = float(np.mean(member / (member + (1 - share) * (1 - likely) + 1e-12)))
    share = float(np.clip(share, *PRIOR_RANGE))
    return float(np.log(share / (1 - share)))
