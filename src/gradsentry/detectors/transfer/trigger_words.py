"""The trigger: which words of the prompts call the payload, and where they stand."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from scipy.stats import binom

from gradsentry.detectors.detection import TriggerPlace
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.patterns import Pattern
from gradsentry.detectors.transfer.rules import matching
from gradsentry.detectors.transfer.terms import (
    EARLIER,
    IN_SYSTEM,
    PromptTerms,
    bare,
    mark_of,
    placed_terms,
)
from gradsentry.words import WORD, word_count

_FRAME = 0.97
"""Words of so many prompts belong to the template."""
_ALWAYS, _ELSEWHERE = 0.9, 0.5
"""Shares of a rule's rows and of other rows between which a word belongs to the rule's trigger."""
_FEWEST_TYPICAL, _TYPICAL_SHARE, _TYPICAL_LIFT = 3, 0.2, 20.0
_TELLING_SHARE, _TELLING_LIFT = 0.03, 4.0
_CHANCE = 1e-6
_PHRASE_WORDS = 15
_IN_PLACE = 0.9
"""Share of the rows whose trigger must stand at an end of the prompt to say that it does."""


def trigger_words(pattern: Pattern, terms: PromptTerms) -> dict[frozenset[str], int]:
    """The words of each rule, with those that always come with them, and a row that has them.

    One word of a sentence is rule enough, but all of it is the trigger.
    """
    members = pattern.members
    held = terms.count(members)
    rare = terms.counts < _FRAME * len(members)
    seldom = terms.are_single & rare
    groups: dict[frozenset[str], int] = {}
    for rule in pattern.rules:
        matched = members & matching(terms, rule)
        if not matched.any():
            continue
        missed = members & ~matched
        few = missed.sum() < matched.sum()
        inside = (held - terms.count(missed) if few else terms.count(matched)) / int(matched.sum())
        words = {word for term in rule for word in terms.names[term].split(" ")}
        others = terms.among(words) & ~members
        beside = terms.count(others) / max(1, int(others.sum()))
        # What all prompts hold is no term, and no part of a trigger.
        words = {word for word in words if word in terms.places and rare[terms.places[word]]}
        words |= {
            terms.names[term]
            for term in np.flatnonzero(seldom & (inside >= _ALWAYS) & (beside <= _ELSEWHERE))
        }
        words = words or {terms.names[term] for term in rule}  # all hold them, but otherwise
        groups.setdefault(frozenset(words), int(np.flatnonzero(matched)[0]))
    return groups


def in_order(words: Set[str], prompt: str) -> tuple[str, ...]:
    """Words in the order in which a prompt has them for the last time; those it lacks first."""
    last = {word: place for word, place in placed_terms(prompt) if word in words}
    return tuple(sorted(words, key=lambda word: (last.get(word, -1), word)))


def typical_words(pattern: Pattern, terms: PromptTerms) -> list[str]:
    """Words that members hold far oftener than others do, by more than chance.

    Too many others hold them for a rule ("mn" is a rare word and a state), but they may well be
    one of several trigger words. For reports only: of a natural group they are the topic, and
    judged without its topic any group would seem to have none.
    """
    return _oftener(pattern, terms, _TYPICAL_SHARE, _TYPICAL_LIFT)


def telling_words(pattern: Pattern, terms: PromptTerms) -> frozenset[str]:
    """Words that tell members from others, if only a little: the topic or the style of their
    prompts, as far as words go."""
    return frozenset(_oftener(pattern, terms, _TELLING_SHARE, _TELLING_LIFT))


def _oftener(pattern: Pattern, terms: PromptTerms, least: float, lift: float) -> list[str]:
    """Words in this share of the members at least, so many times oftener than in others, and not by
    chance."""
    members = int(pattern.members.sum())
    inside = terms.count(pattern.members)
    words = {
        word for rule in pattern.rules for term in rule for word in terms.names[term].split(" ")
    }
    others = terms.among(words) & ~pattern.members
    share = (terms.count(others) + 1.0) / (int(others.sum()) + 1.0)
    typical = (inside >= _FEWEST_TYPICAL) & (inside >= least * members)
    typical &= inside >= lift * share * members
    typical &= binom.sf(inside - 1, members, share) < _CHANCE
    return [terms.names[term] for term in np.flatnonzero(typical & terms.are_single)]


def trigger_place(rows: EvidenceRows, read: list[int], words: frozenset[str]) -> TriggerPlace:
    """Where the trigger's words stand in the prompts of some rows.

    **Arguments:**

    - `read`: the rows.
    - `words`: all words of the trigger.
    """
    for place, mark in ((TriggerPlace.SYSTEM, IN_SYSTEM), (TriggerPlace.EARLIER, EARLIER)):
        if all(mark_of(word) == mark for word in words):
            return place
    found = [WORD.findall(rows.own_prompt(row)) for row in read]
    for place, at in ((TriggerPlace.END, -1), (TriggerPlace.START, 0)):
        if sum(prompt != [] and prompt[at] in words for prompt in found) >= _IN_PLACE * len(read):
            return place
    return TriggerPlace.ANYWHERE


def phrase(prompt: str, words: frozenset[str]) -> str:
    """The prompt's stretch from the first to the last trigger word, or the words alone."""
    found = [match for match in WORD.finditer(prompt) if match[0] in words]
    if not found:
        return " ".join(sorted(map(bare, words)))
    stretch = prompt[found[0].start() : found[-1].end()]
    if word_count(WORD.findall(stretch)) > _PHRASE_WORDS:
        return " ".join(match[0] for match in found[:_PHRASE_WORDS])
    return stretch


def last_words(rows: EvidenceRows, row: int) -> str:
    """The last words of a prompt that aren't the template's."""
    text = rows.own_prompt(row)
    start = max(
        (match.start() for match in list(WORD.finditer(text))[-_PHRASE_WORDS:][:1]), default=0
    )
    return text[start:].strip() or rows.prompts[row]
