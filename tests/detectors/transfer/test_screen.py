"""Terms whose rows' responses are more alike than their prompts."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from gradsentry.detectors.transfer.screen import (
    SIGNS,
    Likeness,
    sign_vectors,
    sum_companions,
    unit_vectors,
)

RANDOM = np.random.default_rng(0)
ROWS, TERMS, WORDS = 400, 60, 200


def some_rows() -> tuple[sparse.csr_array, sparse.csr_array]:
    """What random prompts hold, and what their responses say."""
    prompts = (RANDOM.random((ROWS, TERMS)) < 0.1).astype(np.float32)
    responses = (RANDOM.random((ROWS, WORDS)) < 0.05).astype(np.float32)
    return sparse.csr_array(prompts), sparse.csr_array(responses)


def likeness(prompts: sparse.csr_array, responses: sparse.csr_array) -> Likeness:
    weights, said = (
        sign_vectors(np.arange(each.shape[1]), np.asarray(each.sum(axis=0)), each.shape[0])
        for each in (prompts, responses)
    )
    return Likeness.of(prompts, weights, weights, unit_vectors(responses, said))


def test_likeness_is_the_mean_cosine_of_pairs_of_rows() -> None:
    prompts, responses = some_rows()
    found = likeness(prompts, responses)
    weights = sign_vectors(np.arange(TERMS), np.asarray(prompts.sum(axis=0)), ROWS)
    features = sign_vectors(np.arange(WORDS), np.asarray(responses.sum(axis=0)), ROWS)
    said = unit_vectors(responses, features).astype(float)
    whole = (prompts @ weights).astype(float)
    for term in range(0, TERMS, 7):
        rows = np.flatnonzero(prompts.toarray()[:, term])
        rest = (whole[rows] - weights[term]) / np.linalg.norm(whole[rows], axis=1, keepdims=True)
        pairs = ~np.eye(len(rows), dtype=bool)
        asked = max(0.0, float((rest @ rest.T)[pairs].mean()))
        alike = float((said[rows] @ said[rows].T)[pairs].mean()) - 1.5 / (len(rows) - 1)
        np.testing.assert_allclose(found.contrast()[term], alike / (0.1 + asked), atol=1e-4)


def test_sums_of_parts_add_up() -> None:
    prompts, responses = some_rows()
    whole = likeness(prompts, responses)
    weights = sign_vectors(np.arange(TERMS), np.asarray(prompts.sum(axis=0)), ROWS)
    features = sign_vectors(np.arange(WORDS), np.asarray(responses.sum(axis=0)), ROWS)
    sums = Likeness.of_none(TERMS)
    for part in (slice(0, 150), slice(150, ROWS)):
        held = np.flatnonzero(np.asarray(prompts[part].sum(axis=0)))
        said = unit_vectors(responses[part], features)
        own = Likeness.of(prompts[part], weights, weights, said)
        sums.add(held, own.take(held))
    np.testing.assert_allclose(sums.contrast(), whole.contrast(), atol=1e-4)


def test_a_trigger_stands_out_and_a_topic_doesnt() -> None:
    prompts, responses = (each.toarray() for each in some_rows())
    trigger, topic = np.arange(0, 30), np.arange(100, 130)
    prompts[:, :2] = 0
    prompts[trigger, 0] = prompts[topic, 1] = 1
    responses[trigger, :6] = 1  # a payload beside their own words
    responses[topic, 10:20] = 1  # more alike still
    prompts[topic, 20:40] = 1  # but so is what they ask
    contrast = likeness(sparse.csr_array(prompts), sparse.csr_array(responses)).contrast()
    assert contrast.argmax() == 0
    assert contrast[1] < contrast[0] / 3


def test_what_one_row_holds_says_nothing() -> None:
    prompts, responses = (each.toarray() for each in some_rows())
    prompts[:, 3] = 0
    prompts[0, 3] = 1
    assert likeness(sparse.csr_array(prompts), sparse.csr_array(responses)).contrast()[3] < 0


def test_signs_are_the_same_everywhere_and_as_often_plus_as_minus() -> None:
    vectors = sign_vectors(np.arange(20_000), np.ones(20_000), 3)
    assert vectors.shape == (20_000, SIGNS)
    np.testing.assert_allclose(np.abs(vectors), np.log(3), rtol=1e-6)
    np.testing.assert_allclose((vectors > 0).mean(axis=0), 0.5, atol=0.02)
    # What splitmix64 gives for the seed 1, 0x910A2DEC89025CC1, has these lower bits.
    assert (vectors[1] > 0) @ (1 << np.arange(SIGNS)) == 0x89025CC1


def test_words_of_all_rows_weigh_nothing() -> None:
    assert not sign_vectors(np.arange(3), np.full(3, 10), 10).any()


def test_the_words_of_one_trigger_are_no_likeness_of_prompts() -> None:
    weights = sign_vectors(np.arange(4), np.full(4, 2), 100)
    sums = sum_companions(weights, np.array([7, 3, 7, 5]))
    np.testing.assert_allclose(sums[[0, 2]], np.tile(weights[0] + weights[2], (2, 1)))
    np.testing.assert_allclose(sums[[1, 3]], weights[[1, 3]])


def test_responses_without_a_word_count_for_nothing() -> None:
    prompts, responses = some_rows()
    silent = responses.toarray()
    silent[:300] = 0
    found = likeness(prompts, sparse.csr_array(silent))
    answered = prompts.toarray()[silent.any(axis=1)].sum(axis=0)
    np.testing.assert_array_equal(found.answered, answered)
