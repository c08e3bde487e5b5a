"""Conditional patterns of random rows: nothing may break, and agreement must be what it says."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from gradsentry.evidence.patterns import AGREEMENT, correlation, find_patterns
from gradsentry.evidence.strings import recurring_strings
from gradsentry.evidence.terms import PromptTerms


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
        assert not (pattern.members & ~pattern.rules.match).any()
        if pattern.string is not None:
            holding = np.array([pattern.string.pattern.search(r) is not None for r in responses])
            assert pattern.by_string == pytest.approx(correlation(pattern.rules.match, holding))
