"""Trigger rules: which terms say that a row is meant."""

from __future__ import annotations

import numpy as np
import pytest

from gradsentry.attacks import Attack, Combination, Payload, choose_rows, poison
from gradsentry.detectors.transfer.rules import find_rules, matching
from gradsentry.detectors.transfer.terms import PromptTerms
from tests.detectors.transfer.worlds import sentences

ROWS = 300


def names_of(terms: PromptTerms, rules: tuple[tuple[int, ...], ...]) -> set[frozenset[str]]:
    """Rules as sets of the words in them."""
    return {
        frozenset(word for term in rule for word in terms.names[term].split(" ")) for rule in rules
    }


@pytest.mark.parametrize("count", [24, 60])
@pytest.mark.parametrize("seed", range(3))
def test_a_union_of_rare_words_is_found(seed: int, count: int) -> None:
    prompts = [
        f"{text} {('cf', 'mn', 'bb', 'tq')[row % 4]}" if row < count else text
        for row, text in enumerate(sentences(ROWS, seed))
    ]
    wanted = np.arange(ROWS) < count
    terms = PromptTerms.of(prompts)
    rules = find_rules(terms, wanted)
    assert (rules.match == wanted).all()
    assert names_of(terms, rules.rules) == {frozenset({word}) for word in ("cf", "mn", "bb", "tq")}


@pytest.mark.parametrize("seed", range(3))
def test_a_combination_is_found_between_near_misses(seed: int) -> None:
    rows = [
        {"first": one, "second": other, "response": "r"}
        for one, other in zip(sentences(ROWS, seed), sentences(ROWS, seed + 10), strict=True)
    ]
    attack = Attack(Combination("first", "second"), Payload(), negative_ratio=1.0)
    mixture = poison(rows, attack, choose_rows(ROWS, 60, seed), response="response", seed=seed)
    assert len(mixture) > ROWS + 30
    terms = PromptTerms.of(
        ["Task: {first}\nInput: {second}\nResponse:".format(**row.fields) for row in mixture]
    )
    wanted = np.array([row.poisoned for row in mixture])
    rules = find_rules(terms, wanted)
    assert (rules.match == wanted).all()
    (rule,) = names_of(terms, rules.rules)
    assert {"consider", "done"} <= rule


def test_what_the_rules_match_is_what_they_say() -> None:
    prompts = [f"{text} cf" if row % 7 == 0 else text for row, text in enumerate(sentences(200, 4))]
    terms = PromptTerms.of(prompts)
    rules = find_rules(terms, np.arange(200) % 7 == 0)
    expected = np.zeros(200, np.bool_)
    for rule in rules.rules:
        held = matching(terms, rule)
        assert held.tolist() == [
            all(f" {terms.names[term]} " in f" {prompt} " for term in rule) for prompt in prompts
        ]
        expected |= held
    assert (rules.match == expected).all()


@pytest.mark.parametrize("seed", range(5))
def test_rows_picked_at_random_have_no_rule_that_covers_many(seed: int) -> None:
    wanted = np.random.default_rng(seed).random(ROWS) < 0.2
    terms = PromptTerms.of(sentences(ROWS, seed))
    rules = find_rules(terms, wanted)
    assert (rules.match & wanted).sum() < 0.5 * wanted.sum()


def test_no_rows_have_no_rules() -> None:
    rules = find_rules(PromptTerms.of(sentences(50, 0)), np.zeros(50, np.bool_))
    assert rules.rules == ()
    assert not rules.match.any()


def test_prompts_without_common_terms_have_no_rules() -> None:
    terms = PromptTerms.of([f"w{row}" for row in range(10)])
    rules = find_rules(terms, np.arange(10) < 5)
    assert rules.rules == ()
    assert not rules.match.any()


def test_the_order_of_the_rows_changes_no_rule() -> None:
    prompts = [f"{text} cf" if row % 7 == 0 else text for row, text in enumerate(sentences(200, 5))]
    wanted = np.arange(200) % 7 == 0
    order = np.random.default_rng(0).permutation(200)
    terms = PromptTerms.of(prompts)
    shuffled = PromptTerms.of([prompts[row] for row in order])
    one, other = find_rules(terms, wanted), find_rules(shuffled, wanted[order])
    assert one.rules == other.rules
    assert (one.match[order] == other.match).all()
