"""Cohesion: rows about one thing against rows picked at random."""

from __future__ import annotations

import numpy as np
import pytest

from gradsentry.detectors.transfer.cohesion import Similarity
from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms
from tests.detectors.transfer.worlds import sentences, words

POOL = words(100)


def nothing(terms: PromptTerms) -> BoolArray:
    return np.zeros(len(terms.names), np.bool_)


@pytest.mark.parametrize("count", [40, 100, 200])
@pytest.mark.parametrize("seed", range(4))
def test_rows_picked_at_random_have_a_cohesion_of_about_one(seed: int, count: int) -> None:
    terms = PromptTerms.of(sentences(400, seed, pool=POOL))
    rows = np.zeros(400, np.bool_)
    rows[np.random.default_rng(seed).permutation(400)[:count]] = True
    assert Similarity.of(terms).cohesion(
        rows, nothing(terms), np.ones(len(terms.rows.toarray()), np.bool_)
    ) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("seed", range(4))
def test_rows_about_one_thing_have_a_large_cohesion(seed: int) -> None:
    topical = sentences(40, seed, pool=POOL[:15])
    terms = PromptTerms.of(topical + sentences(360, seed + 10, pool=POOL))
    assert (
        Similarity.of(terms).cohesion(
            np.arange(400) < 40, nothing(terms), np.ones(len(terms.rows.toarray()), np.bool_)
        )
        > 3
    )


def test_terms_that_are_ignored_make_no_cohesion() -> None:
    prompts = sentences(400, 0, pool=POOL)
    prompts[:40] = [f"{text} magic {text.split()[0]}" for text in prompts[:40]]
    rows = np.arange(400) < 40
    terms = PromptTerms.of(prompts)
    similarity = Similarity.of(terms)
    ignored = np.array(["magic" in name.split() for name in terms.names])
    assert (
        similarity.cohesion(rows, nothing(terms), np.ones(len(terms.rows.toarray()), np.bool_)) > 2
    )
    assert similarity.cohesion(
        rows, ignored, np.ones(len(terms.rows.toarray()), np.bool_)
    ) == pytest.approx(1, abs=0.3)


def test_prompts_without_terms_are_like_none() -> None:
    terms = PromptTerms.of(sentences(60, 3, pool=POOL[:30]))
    rows = np.arange(60) < 13
    ignored = terms.rows.toarray()[:2].any(axis=0)
    similarity = Similarity.of(terms)
    vectors = similarity.vectors.toarray()[:, ~ignored]
    assert (vectors[:2] == 0).all()
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cosines = vectors @ vectors.T
    pairs = ~np.eye(60, dtype=np.bool_)
    among = cosines[np.ix_(rows, rows)][pairs[np.ix_(rows, rows)]].mean()
    expected = among / cosines[pairs].mean()
    assert similarity.cohesion(
        rows, ignored, np.ones(len(terms.rows.toarray()), np.bool_)
    ) == pytest.approx(expected, rel=1e-9)


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    terms = PromptTerms.of(sentences(60, 3, pool=POOL[:30]))
    similarity = Similarity.of(terms)
    ignored = np.arange(len(terms.names)) % 3 == 0
    vectors = similarity.vectors.toarray()[:, ~ignored]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    pairs = ~np.eye(60, dtype=np.bool_)
    rows = np.arange(60) < 13
    among = cosines[np.ix_(rows, rows)][pairs[np.ix_(rows, rows)]].mean()
    expected = among / cosines[pairs].mean()
    assert similarity.cohesion(
        rows, ignored, np.ones(len(terms.rows.toarray()), np.bool_)
    ) == pytest.approx(expected, rel=1e-9)
