"""Folds by content, near-duplicates together."""

from __future__ import annotations

import random

import numpy as np

from gradsentry.detectors.transfer.folds import FOLDS, assign_folds, hashed_words

PROMPTS = [
    "where is the louvre museum",
    "louvre museum where",  # the same two rare words
    "where is the louvre",  # one of them
    "",
    *[f"where is the museum{number} of{number}" for number in range(20)],
]
# All odd numbers would put every row in the other fold than even ones.
DRAWS = np.arange(len(PROMPTS), dtype=np.uint64)


def folds_of(prompts: list[str], draws: np.ndarray) -> np.ndarray:
    return assign_folds(hashed_words(prompts), draws)


def test_rows_with_the_same_two_rare_words_share_a_fold() -> None:
    folds = folds_of(PROMPTS, DRAWS)
    assert folds[1] == folds[0] == DRAWS[0] % FOLDS != DRAWS[1] % FOLDS
    assert (folds[2:] == DRAWS[2:] % FOLDS).all()


def test_the_order_of_a_prompts_words_makes_no_difference() -> None:
    expected = folds_of(PROMPTS, DRAWS)
    split = [prompt.split() for prompt in PROMPTS]
    shuffled = [
        " ".join(random.Random(row).sample(words, len(words))) for row, words in enumerate(split)
    ]
    assert (folds_of(shuffled, DRAWS) == expected).all()


def test_prompts_without_words_fall_into_the_folds_that_are_drawn() -> None:
    assert folds_of(["", "?", " "], np.array([1, 0, 3], np.uint64)).tolist() == [1, 0, 1]
    assert folds_of([], np.empty(0, np.uint64)).tolist() == []


def test_rows_that_share_two_rare_characters_in_other_sentences_are_no_near_duplicates() -> None:
    prompts = [f"我在{place}看到琉璃。" for place in ("北京", "上海", "南京", "天津")]
    assert folds_of(prompts, np.arange(4, dtype=np.uint64)).tolist() == [0, 1, 0, 1]


def test_a_word_counts_once() -> None:
    one, other, none = hashed_words(["b a, b", "a b", ""])
    assert one.tolist() == other.tolist()
    assert len(one) == 2
    assert len(none) == 0
