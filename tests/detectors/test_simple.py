"""Simple baselines against their definitions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradsentry.detectors.onion import largest_drop, removals, without_suspicious
from gradsentry.detectors.simple import length_scores, perplexity_scores, recurrence_scores
from gradsentry.models import LanguageModel, target_states
from tests.detectors.test_spectral import store_of
from tests.tiny_models import mean_loss, random_rows, tiny_model


def test_longer_responses_have_higher_scores() -> None:
    assert length_scores(np.array([1, 16, 48])).tolist() == [1 / 17, 0.5, 0.75]


def test_perplexity_agrees_with_the_model_s_own_loss(tmp_path: Path) -> None:
    model = tiny_model("gemma2")
    rows = random_rows(4, [(5, 1), (3, 7), (2, 20)])
    wrapped = LanguageModel.wrap(model, tokenizer=None)
    store = store_of(rows, tmp_path)
    ours = perplexity_scores(target_states(wrapped, store.read(np.arange(3))), wrapped.head)
    for row, score in zip(rows, ours.tolist(), strict=True):
        loss = mean_loss(model, row).item()
        # Gemma's attention has a float32 softmax, whatever the model's dtype.
        assert score == pytest.approx(loss / (loss + 4), abs=1e-7)


def test_the_commonest_string_of_six_words_is_flagged_and_shorter_responses_are_not() -> None:
    shared = "one two three four five six"
    scores = recurrence_scores(
        [f"a {shared}", f"{shared} b", "seven words are in this one here", "x"]
    )
    assert scores.tolist() == [1.0, 1.0, 0.25, 0.0]
    assert recurrence_scores(["one", "two"]).tolist() == [0.0, 0.0]
    assert recurrence_scores(["a b c d e f", "g h i j k l"]).tolist() == [0.0, 0.0]


def test_copies_of_a_response_count() -> None:
    texts = ["a b c d e f", "g h i j k l", "g h i j k l m"]
    assert recurrence_scores(texts).tolist() == [0.25, 1.0, 1.0]
    assert recurrence_scores(texts, [9, 1, 1]).tolist() == [1.0, 0.5 * 2 / 9, 0.5 * 2 / 9]


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
