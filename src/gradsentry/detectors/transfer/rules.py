"""Trigger rules: the fewest prompt terms that say which rows are meant.

Sequential covering: the term that covers most of the wanted rows at few others becomes a rule; if
too many others hold it, terms that nearly all wanted rows share with it are added (a rule is then
a combination, as in CBA); what it covers is taken away, and the next rule is sought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms

Rule = tuple[int, ...]
"""Terms that must occur together in a prompt."""

_MOST_RULES = 16
_MOST_CONJUNCTS = 3
_SHARE_OF_NEW = 0.02
"""A rule must cover at least this share of the wanted rows that no other rule covers."""
_ERROR = 0.4
"""Unwanted rows among those that hold a term, against unwanted rows among all."""
_PRIOR_ROWS = 2.0


@dataclass(frozen=True, eq=False)
class TriggerRules:
    """Rules, any of which makes a row match."""

    rules: tuple[Rule, ...]
    match: BoolArray
    """Shape (rows,)."""


def precise(
    held_wanted: NDArray[np.float64], held: NDArray[np.float64], base: NDArray[np.float64] | float
) -> BoolArray:
    """Whether what `held` rows hold, `held_wanted` of them wanted, speaks clearly for being wanted.

    **Arguments:**

    - `base`: the share of wanted rows among all.

    Few rows prove little: two more are added that are wanted as often as any.
    """
    precision = (held_wanted + base * _PRIOR_ROWS) / (held + _PRIOR_ROWS)
    clear: BoolArray = (1.0 - precision) <= _ERROR * (1.0 - base)
    return clear


def find_rules(terms: PromptTerms, wanted: BoolArray) -> TriggerRules:
    """Rules that cover the wanted rows and few others, as far as there are any."""
    held, held_wanted = terms.counts, terms.count(wanted)
    base = float(wanted.mean())
    is_precise = precise(held_wanted, held, base)
    # An unwanted row weighs what it would by chance.
    cost = (held - held_wanted) * min(1.0, base / max(1.0 - base, 1e-9))
    fewest = max(1.0, _SHARE_OF_NEW * wanted.sum())
    rules: list[Rule] = []
    match, new = np.zeros_like(wanted), held_wanted
    while len(rules) < _MOST_RULES:
        value = np.where(is_precise & (new >= fewest), new - cost, -1.0)
        term = int(np.argmax(value)) if len(value) else -1
        if term < 0 or value[term] <= 0:
            break
        rule = _specialised(terms, wanted, term)
        rules.append(rule)
        reached = matching(terms, rule) & ~match
        match |= reached
        new = new - terms.count(reached & wanted)
    return TriggerRules(tuple(rules), match)


def matching(terms: PromptTerms, rule: Rule) -> BoolArray:
    """Shape (rows,): prompts that hold all terms of a rule."""
    match = terms.holding(rule[0])
    for term in rule[1:]:
        match &= terms.holding(term)
    return match


def union(terms: PromptTerms, rules: Sequence[Rule]) -> BoolArray:
    """Shape (rows,): prompts that match any of the rules."""
    match = np.zeros(terms.rows.shape[0], dtype=np.bool_)
    for rule in rules:
        match |= matching(terms, rule)
    return match


def _specialised(terms: PromptTerms, wanted: BoolArray, term: int) -> Rule:
    """The term with others that halve its false matches and keep nearly all true ones."""
    rule: Rule = (term,)
    match = terms.holding(term)
    while len(rule) < _MOST_CONJUNCTS:
        true, false = match & wanted, match & ~wanted
        if false.sum() < 3:
            break
        kept = terms.count(true) >= 0.95 * true.sum()
        still_false = np.where(kept, terms.count(false), np.inf)
        best = int(np.argmin(still_false))
        if still_false[best] > 0.5 * false.sum():
            break
        rule, match = (*rule, best), match & terms.holding(best)
    return rule
