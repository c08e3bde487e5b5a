"""Conditional patterns: rows whose prompts say what their responses will hold.

Two views must agree. From the response: a row gains much from the rest of the data, or holds a
string that other responses hold too. From the prompt: a few terms say which rows these are. Every
way of saying "these rows" in the one view is a proposal, and becomes a pattern if the other view
agrees. Whether a pattern is a backdoor is another question (`evidence.judgement`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from gradsentry.evidence.rules import Rule, TriggerRules, find_rules, matching, precise, union
from gradsentry.evidence.strings import RecurringString, RecurringStrings
from gradsentry.evidence.terms import BoolArray, PromptTerms

FEWEST_ROWS = 4
"""Fewer rows than this are no pattern."""

_MANY_ROWS = 20
_QUANTILES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
AGREEMENT, AGREEMENT_WITH_STRING = 0.75, 0.65
"""Matthews correlation of the two views from which they agree; the second for gains, with which
natural groups compete, where a string agrees too."""
_ROUNDS = 3
_CHANCE = 1e-6
"""Odds below which it is no coincidence that only members hold a term."""
_OWN = 0.9
"""Share of the rows with a term that must be members for it to be the members' own."""
_REACHES = 0.25
"""Share of the rows that another term reaches that must show the sign."""
_PRIOR_RANGE = (0.05, 0.98)
_CERTAIN = 4.0
_FEWEST_TO_PRUNE = 3
_STRING_BLOCK = 2000
_MOST_STRINGS = 2000
"""Strings that rules are sought for, those of most rows first; bounds time. Of 5,000 rows of
natural data there are some hundreds, of near-duplicates a few for every question."""


@dataclass(frozen=True)
class Membership:
    """How a row's response speaks for a pattern, given that its prompt matches."""

    slope: float
    """Log-odds per unit of log(1 + nats)."""
    intercept: float
    """Log-odds of a row without gain."""
    string: RecurringString | None
    """A string that shows membership for certain."""
    absence: float
    """Added to the odds of a row that lacks the string: the log-share of members that do."""

    def by_gain(self, gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds that rows with these gains belong, whatever they hold."""
        return self.slope * gain + self.intercept

    def odds(self, gain: NDArray[np.float64], holding: BoolArray) -> NDArray[np.float64]:
        """Log-odds that rows with these gains belong; `holding` says who holds the string."""
        odds = self.by_gain(gain)
        return np.where(holding, np.maximum(odds, _CERTAIN), odds + self.absence)


@dataclass(frozen=True)
class Pattern:
    """Rows whose prompts match trigger rules and whose responses show the same sign."""

    rules: TriggerRules
    membership: Membership
    members: BoolArray
    """Shape (rows,): rows that both views name."""
    by_gain: float
    """Matthews correlation of matches and high gains, in [-1, 1]."""
    by_string: float
    """Matthews correlation of matches and responses that hold `string`; 0 without one."""
    string: RecurringString | None
    """The string that the pattern was proposed by."""

    @property
    def agreement(self) -> float:
        """How well the views agree, by the better of the two signs."""
        return max(self.by_gain, self.by_string)

    @property
    def is_small(self) -> bool:
        """Whether there are too few members to hold some of them out."""
        return int(self.members.sum()) < _MANY_ROWS

    @property
    def shown_by_gain(self) -> bool:
        """Whether the gain names the rows; otherwise only the string does."""
        helped = self.by_string >= AGREEMENT and not self.is_small
        return self.by_gain >= (AGREEMENT_WITH_STRING if helped else AGREEMENT)


def find_patterns(
    terms: PromptTerms, strings: RecurringStrings, gain: NDArray[np.float64]
) -> Iterator[Pattern]:
    """All conditional patterns, those with the best agreement of their kind first.

    **Arguments:**

    - `gain`: shape (rows,), log(1 + nats) of the best span.
    """
    yield from _by_string(terms, strings, gain)
    yield from _by_gain(terms, gain)


def _by_string(
    terms: PromptTerms, strings: RecurringStrings, gain: NDArray[np.float64]
) -> Iterator[Pattern]:
    found = []
    size = np.asarray(strings.columns.sum(axis=0))
    promising = sorted(
        _explainable(terms, strings),
        key=lambda string: (-size[string], strings.strings[string].tokens),
    )
    for string in promising[:_MOST_STRINGS]:
        holding = strings.holding(string)
        rules = find_rules(terms, holding)
        agreement = correlation(rules.match, holding)
        if agreement >= AGREEMENT:
            found.append((round(agreement, 2), int(holding.sum()), string, rules))
    found.sort(key=lambda item: item[:2], reverse=True)
    for _, _, string, rules in found:
        pattern = refined(terms, rules, gain, strings.holding(string), strings.strings[string])
        if pattern is not None:
            yield pattern


def _explainable(terms: PromptTerms, strings: RecurringStrings) -> Iterator[int]:
    """Strings half of whose rows hold a precise term: a bound, before rules are sought."""
    held = terms.counts
    rows, count = strings.columns.shape
    size = np.asarray(strings.columns.sum(axis=0))
    transposed = terms.rows.T.tocsr()
    for start in range(0, count, _STRING_BLOCK):
        block = strings.columns[:, start : start + _STRING_BLOCK]
        shared = (transposed @ block).tocoo()
        term, string = shared.coords
        clear = precise(shared.data, held[term], size[start + string] / rows) & (shared.data >= 2)
        covered = np.bincount(string[clear], shared.data[clear], minlength=block.shape[1])
        promising = covered >= 0.5 * size[start : start + len(covered)]
        yield from (start + np.flatnonzero(promising)).tolist()


def _by_gain(terms: PromptTerms, gain: NDArray[np.float64]) -> Iterator[Pattern]:
    found = []
    for cut in np.unique(np.quantile(gain, _QUANTILES)):
        rules = find_rules(terms, gain > cut)
        if rules.match.any():
            found.append((best_cut(rules.match, gain)[0], rules))
    found.sort(key=lambda item: item[0], reverse=True)
    for _, rules in found:
        pattern = refined(terms, rules, gain, None, None)
        if pattern is not None:
            yield pattern


def refined(
    terms: PromptTerms,
    rules: TriggerRules,
    gain: NDArray[np.float64],
    holding: BoolArray | None,
    string: RecurringString | None,
) -> Pattern | None:
    """Members by both views in turn, until they stay the same; None if the views disagree."""
    if not rules.match.any() or rules.match.all():
        return None  # what all prompts hold says nothing
    nothing = np.zeros(len(gain), dtype=np.bool_)
    certain = string if string is not None and string.telling else None
    telling = nothing if certain is None or holding is None else holding
    members = np.zeros(len(gain), dtype=np.bool_)
    matched, membership = rules.match, _membership(rules.match, gain, telling, certain)
    for _ in range(_ROUNDS):
        rules = _pruned(terms, rules, gain)
        if rules.match.all():
            return None
        if (rules.match != matched).any():
            matched, membership = rules.match, _membership(rules.match, gain, telling, certain)
        odds = membership.odds(gain, telling)
        now = rules.match & (odds > 0)
        if now.sum() < FEWEST_ROWS:
            return None
        if (now == members).all():
            break
        members = now
        rules = _completed(terms, members, rules, odds > 0)
    pattern = Pattern(
        rules,
        membership,
        rules.match & (membership.odds(gain, telling) > 0),
        best_cut(rules.match, gain)[0],
        0.0 if holding is None else correlation(rules.match, holding),
        string,
    )
    return pattern if pattern.agreement >= AGREEMENT else None


def _pruned(terms: PromptTerms, rules: TriggerRules, gain: NDArray[np.float64]) -> TriggerRules:
    """Without rules whose own matches gain no more than other rows do."""
    cut = best_cut(rules.match, gain)[1]
    kept = list(rules.rules)
    for rule in reversed(rules.rules):
        others = union(terms, [other for other in kept if other != rule])
        own = matching(terms, rule) & ~others
        if own.sum() >= _FEWEST_TO_PRUNE and (gain[own] > cut).mean() < 0.5 and len(kept) > 1:
            kept.remove(rule)
    return TriggerRules(tuple(kept), union(terms, kept))


def _membership(
    match: BoolArray,
    gain: NDArray[np.float64],
    holding: BoolArray,
    string: RecurringString | None,
) -> Membership:
    """How the gain speaks for a match: a logistic regression with balanced classes is a log
    likelihood ratio, and the prior is the share of matches that show a sign. So is the share of
    these that lack the string.
    """
    shows = (gain > best_cut(match, gain)[1]) | holding
    share = float(np.clip(shows[match].mean(), *_PRIOR_RANGE))
    # A second-order solver: one feature, and up to 50,000 rows for each of 2,000 strings.
    regression = LogisticRegression(class_weight="balanced", solver="newton-cholesky")
    regression.fit(gain.reshape(-1, 1), match)
    prior = float(np.log(share / (1 - share)))
    shown = match & shows
    lacking = (np.sum(shown & ~holding) + 1) / (np.sum(shown) + 1)
    return Membership(
        float(regression.coef_[0, 0]),
        float(regression.intercept_[0]) + prior,
        string,
        0.0 if string is None else float(np.log(lacking)),
    )


def _completed(
    terms: PromptTerms, members: BoolArray, rules: TriggerRules, showing: BoolArray
) -> TriggerRules:
    """Rules sought again for the members, and every other word that nearly only members hold.

    Such a word must reach rows that show the sign and match nothing else: the words of a sentence
    are held by others too, and reach nothing new.
    """
    again = find_rules(terms, members)
    if correlation(rules.match, members) > correlation(again.match, members):
        again = rules
    held, inside = terms.counts, terms.count(members)
    own = (inside >= _OWN * held) & (float(members.mean()) ** inside < _CHANCE) & (inside >= 3)
    covered = {w for rule in again.rules for term in rule for w in terms.names[term].split(" ")}
    found: list[Rule] = []
    match = again.match
    for term in sorted(np.flatnonzero(own).tolist(), key=lambda term: -inside[term]):
        words = set(terms.names[term].split(" "))
        new = terms.holding(term) & ~match
        if words & covered or (new.any() and showing[new].mean() < _REACHES):
            continue
        if not new.any() and inside[term] < held[term]:
            continue
        found.append((term,))
        covered |= words
        match = match | new
    return TriggerRules((*again.rules, *found), match)


def correlation(one: BoolArray, other: BoolArray) -> float:
    """Matthews correlation of two sets of rows; 0 where one is empty or everything."""
    both, rows = float((one & other).sum()), float(len(one))
    ones, others = float(one.sum()), float(other.sum())
    spread = ones * others * (rows - ones) * (rows - others)
    return 0.0 if spread == 0 else (both * rows - ones * others) / float(np.sqrt(spread))


def best_cut(match: BoolArray, gain: NDArray[np.float64]) -> tuple[float, float]:
    """The cut of the gain that agrees best with the matches: (Matthews correlation, cut)."""
    order = np.argsort(-gain, kind="stable")
    above = np.arange(1, len(gain) + 1)
    rows, matches = float(len(gain)), float(match.sum())
    spread = above * matches * (rows - matches) * (rows - above)
    both = np.cumsum(match[order])
    values = np.where(
        spread > 0, (both * rows - above * matches) / np.sqrt(np.maximum(spread, 1.0)), 0.0
    )
    ranked = gain[order]
    is_cut = np.append(ranked[:-1] > ranked[1:], False)
    values = np.where(is_cut, values, -1.0)
    best = int(np.argmax(values))
    if not is_cut.any():
        return 0.0, float(gain.max())
    return float(values[best]), float((ranked[best] + ranked[best + 1]) / 2)
