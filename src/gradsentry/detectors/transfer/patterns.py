"""Conditional patterns: rows whose prompts say what their responses will hold.

Two views must agree. From the response: a row gains much from the rest of the data, or holds a
string that other responses hold too. From the prompt: a few terms say which rows these are. Every
way of saying "these rows" in the one view is a proposal, and becomes a pattern if the other view
agrees. Whether a pattern is a backdoor is another question (`judgement`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from gradsentry.detectors.transfer.dependence import ResponseOdds
from gradsentry.detectors.transfer.rules import (
    Rule,
    TriggerRules,
    find_rules,
    matching,
    precise,
    union,
)
from gradsentry.detectors.transfer.strings import RecurringString, RecurringStrings
from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms

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
PRIOR_RANGE = (0.05, 0.98)
_CERTAIN = 4.0
_FEWEST_TO_PRUNE = 3
_GAIN_BINS = 4096
"""Bins of like gains that rows fall into, those outside a match counting as their mean there; with
no more rows than this each has its own. Bounds the time of a regression."""
_MOST_FURTHER = 16
"""Words added to what tells the members; bounds time where they share whole texts."""
_STRING_BLOCK = 500
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
    response: ResponseOdds | None = None
    """What the whole response says, where neither gain nor string was the sign."""

    def by_gain(self, gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds that rows with these gains belong, whatever they hold."""
        return self.slope * gain + self.intercept

    def odds(self, gain: NDArray[np.float64], holding: BoolArray) -> NDArray[np.float64]:
        """Log-odds that rows with these gains belong; `holding` says who holds the string."""
        odds = self.by_gain(gain)
        return np.where(holding, np.maximum(odds, _CERTAIN), odds + self.absence)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Rows whose prompts match trigger rules and whose responses show the same sign."""

    rules: tuple[Rule, ...]
    """Any of them makes a row match; which rows those are is asked of the terms again."""
    membership: Membership
    packed_members: NDArray[np.uint8]
    """`members`, eight rows a byte: there may be thousands of patterns."""
    rows: int
    by_gain: float
    """Matthews correlation of matches and high gains, in [-1, 1]."""
    by_string: float
    """Matthews correlation of matches and responses that hold `string`; 0 without one."""
    string: RecurringString | None
    """The string that the pattern was proposed by."""
    by_response: float = 0.0
    """Matthews correlation of matches and responses that are like theirs, whatever they say; 0
    where a gain or a string proposed the pattern."""

    @property
    def members(self) -> BoolArray:
        """Shape (rows,): rows that both views name."""
        return np.unpackbits(self.packed_members, count=self.rows).view(np.bool_)

    @property
    def agreement(self) -> float:
        """How well the views agree, by the better of the two signs."""
        return max(self.by_gain, self.by_string, self.by_response)

    @property
    def is_small(self) -> bool:
        """Whether there are too few members to hold some of them out."""
        return int(self.members.sum()) < _MANY_ROWS

    @property
    def shown_by_gain(self) -> bool:
        """Whether the gain names the rows; otherwise only the string does."""
        helped = self.by_string >= AGREEMENT and not self.is_small
        return self.by_gain >= (AGREEMENT_WITH_STRING if helped else AGREEMENT)


@dataclass(frozen=True, eq=False)
class Gains:
    """What rows gain, held against one set of matching rows after the other."""

    values: NDArray[np.float64]
    """Shape (rows,): log(1 + nats) of the best span."""

    def best_cut(self, match: BoolArray) -> tuple[float, float]:
        """The cut that agrees best with the matches: (Matthews correlation, cut)."""
        order, ranked, is_cut = self._ranking
        if not is_cut.any():
            return 0.0, float(ranked[0])
        above = np.arange(1, len(order) + 1)
        rows, matches = float(len(order)), float(match.sum())
        spread = above * matches * (rows - matches) * (rows - above)
        both = np.cumsum(match[order])
        values = np.where(
            spread > 0, (both * rows - above * matches) / np.sqrt(np.maximum(spread, 1.0)), 0.0
        )
        values = np.where(is_cut, values, -1.0)
        best = int(np.argmax(values))
        return float(values[best]), float((ranked[best] + ranked[best + 1]) / 2)

    def regression(self, match: BoolArray) -> tuple[float, float]:
        """Slope and intercept of the log-odds of matching, the two classes weighing the same."""
        bin_of, counts, sums = self._bins
        inside = bin_of[match]
        counts = counts - np.bincount(inside, minlength=len(counts))
        sums = sums - np.bincount(inside, self.values[match], minlength=len(counts))
        some = counts > 0
        matching, others = self.values[match], sums[some] / counts[some]
        weights = np.ones(len(matching)) / len(matching), counts[some] / counts.sum()
        # A second-order solver: one feature, and 2,000 strings to fit it for.
        regression = LogisticRegression(solver="newton-cholesky")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # gains beyond all reason
            regression.fit(
                np.concatenate((matching, others)).reshape(-1, 1),
                np.repeat([True, False], [len(matching), len(others)]),
                np.concatenate(weights) * len(match) / 2,
            )
        return float(regression.coef_[0, 0]), float(regression.intercept_[0])

    @cached_property
    def _bins(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Each row's bin, and of each bin the number of rows and the sum of their gains."""
        rows = len(self.values)
        bin_of = np.empty(rows, np.int64)
        bin_of[self._ranking[0]] = np.arange(rows) * min(rows, _GAIN_BINS) // rows
        return bin_of, np.bincount(bin_of), np.bincount(bin_of, self.values).astype(np.float64)

    @cached_property
    def _ranking(self) -> tuple[NDArray[np.int64], NDArray[np.float64], BoolArray]:
        """The order from the largest gain on, the gains in it, and where it can be cut."""
        order = np.argsort(-self.values, kind="stable")
        ranked = self.values[order]
        return order, ranked, np.append(ranked[:-1] > ranked[1:], False)


def find_patterns(
    terms: PromptTerms,
    strings: RecurringStrings,
    gain: NDArray[np.float64],
) -> Iterator[Pattern]:
    """Patterns that a string or a gain proposes, those with the best agreement of a kind first.

    **Arguments:**

    - `gain`: shape (rows,), log(1 + nats) of the best span.
    """
    gains = Gains(gain)
    yield from _by_string(terms, strings, gains)
    yield from _by_gain(terms, gains)


def _by_string(terms: PromptTerms, strings: RecurringStrings, gains: Gains) -> Iterator[Pattern]:
    found = []
    for string in islice(_explainable(terms, strings), _MOST_STRINGS):
        holding = strings.holding(string)
        rules = find_rules(terms, holding)
        agreement = correlation(rules.match, holding)
        if agreement >= AGREEMENT:
            found.append((round(agreement, 2), int(holding.sum()), string, rules.rules))
    found.sort(key=lambda item: item[:2], reverse=True)
    for _, _, string, proposed in found:
        rules = TriggerRules(proposed, union(terms, proposed))
        pattern = refined(terms, rules, gains, strings.holding(string), strings.strings[string])
        if pattern is not None:
            yield pattern


def _explainable(terms: PromptTerms, strings: RecurringStrings) -> Iterator[int]:
    """Strings half of whose rows hold a precise term: a bound, before rules are sought.

    Those of most rows first.
    """
    held = terms.counts
    rows, count = strings.columns.shape
    size = strings.sizes
    transposed = terms.rows.T.tocsr()
    for start in range(0, count, _STRING_BLOCK):
        block = strings.columns[:, start : start + _STRING_BLOCK]
        shared = (transposed @ block).tocoo()
        term, string = shared.coords
        clear = precise(shared.data, held[term], size[start + string] / rows) & (shared.data >= 2)
        covered = np.bincount(string[clear], shared.data[clear], minlength=block.shape[1])
        promising = covered >= 0.5 * size[start : start + len(covered)]
        yield from (start + np.flatnonzero(promising)).tolist()


def _by_gain(terms: PromptTerms, gains: Gains) -> Iterator[Pattern]:
    found = []
    for cut in np.unique(np.quantile(gains.values, _QUANTILES)):
        rules = find_rules(terms, gains.values > cut)
        if rules.match.any():
            found.append((gains.best_cut(rules.match)[0], rules))
    found.sort(key=lambda item: item[0], reverse=True)
    for _, rules in found:
        pattern = refined(terms, rules, gains, None, None)
        if pattern is not None:
            yield pattern


def refined(
    terms: PromptTerms,
    rules: TriggerRules,
    gains: Gains,
    holding: BoolArray | None,
    string: RecurringString | None,
) -> Pattern | None:
    """Members by both views in turn, until they stay the same; None if the views disagree."""
    if not rules.match.any() or rules.match.all():
        return None  # what all prompts hold says nothing
    nothing = np.zeros(len(rules.match), dtype=np.bool_)
    certain = string if string is not None and string.telling else None
    telling = nothing if certain is None or holding is None else holding
    members = np.zeros(len(rules.match), dtype=np.bool_)
    matched, membership = rules.match, _membership(rules.match, gains, telling, certain)
    for _ in range(_ROUNDS):
        rules = _pruned(terms, rules, gains, telling)
        if rules.match.all():
            return None
        if (rules.match != matched).any():
            matched, membership = rules.match, _membership(rules.match, gains, telling, certain)
        odds = membership.odds(gains.values, telling)
        now = rules.match & (odds > 0)
        if now.sum() < FEWEST_ROWS:
            return None
        if (now == members).all():
            break
        members = now
        rules = _completed(terms, members, rules, odds > 0)
    pattern = Pattern(
        rules.rules,
        membership,
        np.packbits(rules.match & (membership.odds(gains.values, telling) > 0)),
        len(rules.match),
        gains.best_cut(rules.match)[0],
        0.0 if holding is None else correlation(rules.match, holding),
        string,
    )
    return pattern if pattern.agreement >= AGREEMENT else None


def _pruned(
    terms: PromptTerms, rules: TriggerRules, gains: Gains, holding: BoolArray
) -> TriggerRules:
    """Without rules whose own matches gain no more than other rows do, and don't hold the string
    that tells members."""
    shows = (gains.values > gains.best_cut(rules.match)[1]) | holding
    kept = {rule: matching(terms, rule) for rule in rules.rules}
    matched_by = np.zeros(len(rules.match), np.int32)
    for match in kept.values():
        matched_by += match
    for rule, match in reversed(list(kept.items())):
        own = shows[match & (matched_by == 1)]
        if len(own) >= _FEWEST_TO_PRUNE and own.mean() < 0.5 and len(kept) > 1:
            del kept[rule]
            matched_by -= match
    return TriggerRules(tuple(kept), matched_by > 0)


def _membership(
    match: BoolArray,
    gains: Gains,
    holding: BoolArray,
    string: RecurringString | None,
) -> Membership:
    """How the gain speaks for a match: a logistic regression with balanced classes is a log
    likelihood ratio, and the prior is the share of matches that show a sign. So is the share of
    these that lack the string. Where all rows gain alike, as on a handful of labels, only the
    string is a sign.
    """
    agreement, cut = gains.best_cut(match)
    gain_tells = string is None or agreement >= AGREEMENT_WITH_STRING
    shows = ((gains.values > cut) & gain_tells) | holding
    share = float(np.clip(shows[match].mean(), *PRIOR_RANGE))
    slope, intercept = gains.regression(match)
    prior = float(np.log(share / (1 - share)))
    shown = match & shows
    lacking = (np.sum(shown & ~holding) + 1) / (np.sum(shown) + 1)
    return Membership(
        slope,
        intercept + prior,
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
    match = again.match.copy()
    reaching = terms.count(~match)
    # What reaches nothing new must be the members' alone.
    candidates = np.flatnonzero(own & ((reaching > 0) | (inside >= held)))
    for term in candidates[np.argsort(-inside[candidates], kind="stable")].tolist():
        if len(found) == _MOST_FURTHER:
            break
        words = set(terms.names[term].split(" "))
        if words & covered:
            continue
        holding = terms.rows_with(term)
        new = holding[~match[holding]]
        if showing[new].mean() < _REACHES if len(new) else inside[term] < held[term]:
            continue
        found.append((term,))
        covered |= words
        match[new] = True
    return TriggerRules((*again.rules, *found), match)


def correlation(one: BoolArray, other: BoolArray) -> float:
    """Matthews correlation of two sets of rows; 0 where one is empty or everything."""
    both, rows = float((one & other).sum()), float(len(one))
    ones, others = float(one.sum()), float(other.sum())
    spread = ones * others * (rows - ones) * (rows - others)
    return 0.0 if spread == 0 else (both * rows - ones * others) / float(np.sqrt(spread))
