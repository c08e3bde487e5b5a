"""From rows to groups: every pattern that may be a backdoor, and what recurs without a trigger."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from gradsentry.detectors.detection import Recurrence, Verdict
from gradsentry.detectors.transfer.base_model import BaseModel, Opinion
from gradsentry.detectors.transfer.case import Material
from gradsentry.detectors.transfer.cohesion import Similarity
from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.dependence import Dependences
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.judgement import judge
from gradsentry.detectors.transfer.pattern_findings import PatternFindings
from gradsentry.detectors.transfer.patterns import Membership, Pattern, find_patterns
from gradsentry.detectors.transfer.prompt_content import Content
from gradsentry.detectors.transfer.response_features import Reply
from gradsentry.detectors.transfer.rules import find_rules, matching, union
from gradsentry.detectors.transfer.strings import RecurringStrings, recurring_strings
from gradsentry.detectors.transfer.terms import (
    NO_CONTEXT,
    BoolArray,
    Context,
    PromptTerms,
    terms_of,
)
from gradsentry.detectors.transfer.trigger_view import trigger_patterns

_FOLDS = 5
_RECURRING_SHARE, _RECURRING_ROWS, _RECURRING_SURPRISE = 0.02, 10, 6.0
_MENTIONED = 3


@dataclass(frozen=True)
class Agreement:
    """How well rules that were found on other rows predict a pattern's members."""

    precision: float
    """Of the rows that match, the share that are members."""
    recall: float
    """Of the members, the share that match."""

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 where nothing matches."""
        both = self.precision + self.recall
        return 0.0 if both == 0 else 2 * self.precision * self.recall / both


@dataclass(frozen=True)
class Group:
    """Rows with one payload and one trigger."""

    findings: PatternFindings
    rules: tuple[tuple[str, ...], ...]
    """Prompt terms; a row matches if it holds all terms of any rule."""
    membership: Membership
    payload_tells: bool
    """Whether nearly all rows that hold the payload have the trigger. A row that holds it without
    the trigger then belongs here, too, if its gain says so as well."""
    agreement: Agreement
    """How well the trigger predicts the payload."""

    @property
    def verdict(self) -> Verdict:
        """`poison` or `review`."""
        return self.findings.verdict

    @property
    def confidence(self) -> float:
        """Cross-validated F1 of the trigger as a predictor of the payload."""
        return self.agreement.f1

    def matched(self, terms: set[str]) -> tuple[str, ...] | None:
        """The rule that a prompt with these terms matches, if any."""
        return next((rule for rule in self.rules if terms.issuperset(rule)), None)

    def has_trigger(self, terms: set[str]) -> bool:
        """Whether a prompt with these terms has the whole trigger: a rule is a part of it."""
        whole = any(terms.issuperset(words) for words in self.findings.trigger)
        return whole and self.matched(terms) is not None

    def belonging(self, seen: Seen) -> tuple[tuple[str, ...], float] | None:
        """The rule that a row matches, if any, and the log-odds that it belongs here; None if it
        doesn't."""
        rule, string = self.matched(seen.terms), self.membership.string
        gains = np.array([seen.reply.gain])
        if rule is not None and self.membership.response is not None:
            odds = np.array([self.membership.response.of(seen.reply)])
        elif rule is not None:
            holds = string is not None and string.pattern.search(seen.reply.text) is not None
            odds = self.membership.odds(gains, np.array([holds]))
        elif self.payload_tells and self.findings.holds_payload(seen.reply.text):
            odds = self.membership.by_gain(gains)
        else:
            return None
        return (rule or (), float(odds[0])) if odds[0] > 0 else None


@dataclass(frozen=True)
class Seen:
    """A row as it is held against the groups."""

    reply: Reply
    context: Context = NO_CONTEXT

    @cached_property
    def terms(self) -> set[str]:
        """Of its prompt, and of what stands before."""
        return terms_of(self.reply.asked, self.context)


@dataclass(frozen=True)
class Evidence:
    """What was found in the rows."""

    groups: tuple[Group, ...]
    recurrences: tuple[Recurrence, ...]

    def numbers(self, verdict: Verdict) -> list[int]:
        """Indices of the groups with this verdict."""
        return [n for n, group in enumerate(self.groups) if group.verdict is verdict]


Counting = Callable[[int], Callable[[int], None]]
"""Told how much there is to do, gives what is told of each that is done."""


def uncounted(_: int) -> Callable[[int], None]:
    """Counts nothing."""
    return lambda _: None


def find_backdoors(
    rows: EvidenceRows, opinion: Opinion, counting: Counting = uncounted
) -> Evidence:
    """Judge every conditional pattern of the rows.

    **Arguments:**

    - `opinion`: the base model, asked about patterns that look like backdoors.
    - `counting`: told how many patterns there are, and then of each that is judged.
    """
    terms, strings = PromptTerms.of(rows.prompts, rows.contexts), recurring_strings(rows.responses)
    dependences = Dependences.of(terms, rows.replies(), rows.contexts)
    content = Content.of(dependences.sentences)
    patterns = sorted(
        [
            *find_patterns(terms, strings, rows.gain),
            *trigger_patterns(terms, dependences, content, rows.gain),
        ],
        key=lambda pattern: (
            pattern.by_response > 0,  # what a payload names, names the rows best
            -round(pattern.agreement, 2),
            pattern.membership.string is None,  # a long string tells two backdoors apart best
            pattern.string is None,  # the gain doesn't
            -int(pattern.members.sum()),
        ),
    )
    model = BaseModel(rows, opinion)
    material = Material(rows, terms, Similarity.of(terms), content, dependences, model)
    explained = np.zeros(len(rows), dtype=np.bool_)
    found: list[tuple[Group, BoolArray]] = []
    advance = counting(len(patterns))
    for pattern in patterns:
        advance(1)
        members = pattern.members
        explained |= members
        if any(_is_told(members, group, others) for group, others in found):
            continue
        agreement = _cross_validated(terms, members)
        if agreement.f1 < CRITERIA.confident and not pattern.is_small:
            continue
        findings = judge(pattern, material)
        if findings is not None:
            found.append((_group(pattern, findings, agreement, rows, terms), members))
    groups = tuple(group for group, _ in _poison_first(found))
    return Evidence(groups, tuple(_recurrences(rows, strings, explained)))


def _is_told(members: BoolArray, group: Group, others: BoolArray) -> bool:
    """Whether a group says all that there is to say of a pattern: poison of half of its rows, a
    group for review of the very same ones. What may be meant mustn't hide what isn't."""
    both = int((members & others).sum())
    if group.verdict is Verdict.POISON:
        return both >= CRITERIA.same * int(members.sum())
    return both >= CRITERIA.same * int((members | others).sum())


def _poison_first(found: list[tuple[Group, BoolArray]]) -> list[tuple[Group, BoolArray]]:
    """Groups of poison, and of those for review the ones that poison didn't help to propose."""
    poison = [item for item in found if item[0].verdict is Verdict.POISON]
    poisoned = np.logical_or.reduce([members for _, members in poison], axis=0)
    review = [
        (group, members)
        for group, members in found
        if group.verdict is not Verdict.POISON
        and int((members & poisoned).sum()) < CRITERIA.mixed * int(members.sum())
    ]
    return poison + review


@dataclass(frozen=True)
class Belonging:
    """A row's place in a group."""

    group: int
    """Index of the group."""
    rule: tuple[str, ...]
    """The terms in its prompt that say so; empty if only its response does."""
    odds: float
    """Log-odds that it belongs there."""


def belonging(groups: tuple[Group, ...], seen: Seen) -> Belonging | None:
    """The group that a row belongs to: one of poison before one for review, then the more certain
    one of several."""
    found = [
        Belonging(number, *place)
        for number, group in enumerate(groups)
        if (place := group.belonging(seen)) is not None
    ]
    return max(
        found,
        key=lambda place: (groups[place.group].verdict is Verdict.POISON, place.odds),
        default=None,
    )


def _group(
    pattern: Pattern,
    findings: PatternFindings,
    agreement: Agreement,
    rows: EvidenceRows,
    terms: PromptTerms,
) -> Group:
    held = np.array([findings.holds_payload(response) for response in rows.responses])
    telling = int((held & union(terms, pattern.rules)).sum()) >= CRITERIA.tells * max(
        1, int(held.sum())
    )
    return Group(
        findings,
        tuple(tuple(terms.names[term] for term in rule) for rule in pattern.rules),
        pattern.membership,
        telling,
        agreement,
    )


def _cross_validated(terms: PromptTerms, members: BoolArray) -> Agreement:
    folds = StratifiedKFold(min(_FOLDS, int(members.sum())), shuffle=True, random_state=0)
    predicted = np.zeros_like(members)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # so few other rows that a fold has none
        split = list(folds.split(np.zeros(len(members)), members))
    for fitted, held_out in split:
        rules = find_rules(terms.subset(fitted), members[fitted]).rules
        unseen = terms.subset(held_out)
        for rule in rules:
            predicted[held_out] |= matching(unseen, rule)
    both = int((predicted & members).sum())
    return Agreement(both / max(1, int(predicted.sum())), both / int(members.sum()))


def _recurrences(
    rows: EvidenceRows, strings: RecurringStrings, explained: BoolArray
) -> list[Recurrence]:
    """The commonest surprising strings of rows that no pattern explains."""
    counts = strings.sizes
    fewest = max(_RECURRING_ROWS, _RECURRING_SHARE * len(rows))
    found: list[Recurrence] = []
    taken = explained.copy()
    for string in np.argsort(-counts, kind="stable"):
        if counts[string] < fewest or len(found) == _MENTIONED:
            break
        holding = strings.holding(int(string))
        if (
            not strings.strings[string].telling
            or (holding & taken).sum() > CRITERIA.same * holding.sum()
        ):
            continue
        texts = _held_texts(rows, strings, int(string), np.flatnonzero(holding))
        if texts is not None:
            taken |= holding
            found.append(Recurrence(texts, int(holding.sum())))
    return found


def _held_texts(
    rows: EvidenceRows, strings: RecurringStrings, string: int, holding: NDArray[np.int64]
) -> str | None:
    """The string as it stands in a response, if it surprises the base model."""
    surprises, text = [], None
    for row in holding[:: max(1, len(holding) // 50)].tolist():
        match = strings.strings[string].pattern.search(rows.responses[row])
        at = None if match is None else rows.tokens(row, match.start(), match.end())
        if match is not None and at is not None:
            surprises.append(rows.surprise_of(row, *at))
            text = text or match[0].strip()
    return text if surprises and np.median(surprises) >= _RECURRING_SURPRISE else None
