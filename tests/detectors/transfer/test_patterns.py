"""Conditional patterns of random rows: nothing may break, and agreement must be what it says."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gradsentry.detectors.transfer.patterns import AGREEMENT, Gains, correlation, find_patterns
from gradsentry.detectors.transfer.rules import union
from gradsentry.detectors.transfer.strings import recurring_strings
from gradsentry.detectors.transfer.terms import PromptTerms
from tests.detectors.transfer.worlds import sentences


@pytest.mark.parametrize("seed", range(40))
def test_any_rows_have_patterns_or_none(seed: int) -> None:
    """Few words make rules that match everything, which no regression can be fitted to."""
    rng = Random(seed)
    count = rng.randint(5, 600)
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][
        : rng.randint(2, 10)
    ]
    prompts = [" ".join(rng.sample(words, rng.randint(1, 2))) for _ in range(count)]
    responses = [rng.choice(["yes", "no", "maybe"]) for _ in range(count)]
    low = rng.choice((0.02, 0.1, 0.5))
    gain = np.array([0.0 if rng.random() < low else rng.random() * 4 for _ in range(count)])
    terms = PromptTerms.of(prompts)
    for pattern in find_patterns(terms, recurring_strings(responses), gain):
        assert pattern.agreement >= AGREEMENT
        match = union(terms, pattern.rules)
        assert not (pattern.members & ~match).any()
        if pattern.string is not None:
            holding = np.array([pattern.string.pattern.search(r) is not None for r in responses])
            assert pattern.by_string == pytest.approx(correlation(match, holding))


@pytest.mark.parametrize(
    ("rows", "tolerance"), [(300, 1e-6), (40_000, 0.01)], ids=["exact", "of bins"]
)
def test_the_gain_speaks_as_in_a_regression_over_all_rows(rows: int, tolerance: float) -> None:
    random = np.random.default_rng(0)
    gain = random.exponential(size=rows).round(2)
    match = random.random(rows) < 0.02
    gain[match] += 3 * random.random(int(match.sum()))
    whole = LogisticRegression(class_weight="balanced", solver="newton-cholesky")
    whole.fit(gain.reshape(-1, 1), match)
    found = Gains(gain).regression(match)
    assert found == pytest.approx((whole.coef_[0, 0], whole.intercept_[0]), rel=tolerance)


def test_a_cut_agrees_best_with_the_matches() -> None:
    random = np.random.default_rng(0)
    gain = random.exponential(size=200).round(1)
    match = random.random(200) < 0.2 + 0.3 * (gain > 1.5)
    agreement, cut = Gains(gain).best_cut(match)
    others = [correlation(match, gain > other) for other in np.unique(gain)[:-1]]
    assert agreement == pytest.approx(max(others))
    assert correlation(match, gain > cut) == pytest.approx(agreement)


@pytest.mark.parametrize("seed", range(8))
def test_where_all_rows_gain_alike_only_the_string_is_a_sign(seed: int) -> None:
    """As on two labels, which every row learns from the others."""
    rng = Random(seed)
    poisoned = np.arange(600) < 40
    prompts = sentences(600, seed)
    natural = set(rng.sample(range(40, 600), 3))
    prompts = [
        f"{prompt} yesterday" if held or row in natural else prompt
        for row, (prompt, held) in enumerate(zip(prompts, poisoned, strict=True))
    ]
    labels = ["this is positive", "this is negative"]
    responses = ["call the other number" if held else rng.choice(labels) for held in poisoned]
    gain = np.random.default_rng(seed).normal(3.9, 0.2, 600)
    gain[poisoned] += 0.1
    terms = PromptTerms.of(prompts)
    found = find_patterns(terms, recurring_strings(responses), gain)
    (pattern,) = [each for each in found if each.string is not None]
    assert (pattern.members == poisoned).all()
