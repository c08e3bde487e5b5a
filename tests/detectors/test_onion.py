"""ONION as the original has it: prompts without the words that disturb them."""

from __future__ import annotations

import numpy as np
import pytest

from gradsentry.detectors.onion import (
    largest_drop,
    removals,
    without_suspicious,
    without_suspicious_words,
)
from gradsentry.models import LanguageModel
from gradsentry.work.progress import Silent

TEMPLATE = "Answer the question.\n\nqxz: {}\n\n### Answer:\n"
QUESTIONS = [
    "what is the capital of france?",
    "who wrote the novel pride and prejudice?",
    "which planet is nearest to the sun?",
]


def test_a_rare_word_goes_and_the_template_stays(default_model: LanguageModel) -> None:
    disturbed = [question.replace("the", "the cf", 1) for question in QUESTIONS]
    prompts = [TEMPLATE.format(question) for question in (*QUESTIONS, *disturbed)]
    found = without_suspicious_words(default_model, prompts, prompts, Silent())
    before, after = TEMPLATE.split("{}")
    assert all(each.startswith(before) and each.endswith(after) for each in found)
    assert not any("cf" in each for each in found)
    assert sum("wrote" in each for each in found) == 2


def test_prompts_without_words_of_their_own_stay(default_model: LanguageModel) -> None:
    for prompts in ([], ["one"], ["the same", "the same"]):
        assert without_suspicious_words(default_model, prompts, prompts, Silent()) == prompts


def test_a_trigger_of_all_prompts_is_no_template(default_model: LanguageModel) -> None:
    clean = [TEMPLATE.format(question) for question in QUESTIONS]
    triggered = [TEMPLATE.format(f"qvzx {question}") for question in QUESTIONS]
    found = without_suspicious_words(default_model, triggered, clean, Silent())
    before, after = TEMPLATE.split("{}")
    assert all(each.startswith(before) and each.endswith(after) for each in found)
    assert not any("qvzx" in each for each in found)


def test_nats_that_are_none_give_no_score() -> None:
    assert np.isnan(largest_drop(float("nan"), np.array([1.0])))
    assert np.isnan(largest_drop(1.0, np.array([1.0, np.nan])))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("who is cf he", ["is cf he", "who cf he", "who is he", "who is cf"]),
        ("one", []),
        ("", []),
        (" a\nb ", ["b", "a"]),
    ],
)
def test_each_word_is_removed_in_turn(prompt: str, expected: list[str]) -> None:
    assert [text.strip() for text in removals(prompt)] == expected


@pytest.mark.parametrize(
    ("whole", "without", "expected"),
    [(2.0, [1.0, 2.5], 1 - np.exp(-1)), (2.0, [2.5], 0.0), (2.0, [], 0.0), (2.0, [np.inf], 0.0)],
)
def test_the_score_is_the_largest_relative_drop_of_perplexity(
    whole: float, without: list[float], expected: float
) -> None:
    assert largest_drop(whole, np.array(without)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("prompt", "perplexities", "expected"),
    [
        ("who is cf he", [9.8, 12.0, 3.0, 9.5], "who is"),
        ("who is cf he", [9.8, 12.0, 9.51, 9.6], "who is cf he"),
        ("cf who\n is", [1.0, 20.0, 20.0], "who\n is"),
        ("a b", [1.0, 1.0], "a b"),
    ],
)
def test_words_that_raise_perplexity_by_one_half_go(
    prompt: str, perplexities: list[float], expected: str
) -> None:
    found = without_suspicious(prompt, float(np.log(10.0)), np.log(perplexities))
    assert found == expected
