"""Naive Bayes, cross-fitted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import BernoulliNB

from gradsentry.detectors.transfer import naive_bayes
from gradsentry.detectors.transfer.naive_bayes import (
    FOLDS,
    auroc,
    calibrated,
    fit_weights,
    held_out_odds,
)

RANDOM = np.random.default_rng(0)
FEATURES = sparse.csr_array((RANDOM.random((200, 30)) < 0.2).astype(float))
ASKED = sparse.csr_array((RANDOM.random((200, 4)) < 0.3).astype(float))
FEATURES_FOLDS = RANDOM.permutation(200) % FOLDS


def test_the_odds_rank_rows_as_those_of_scikit_learn() -> None:
    """Its smoothing is another one, so the odds themselves differ."""
    weights, _ = fit_weights(ASKED, FEATURES)
    odds = weights.odds(FEATURES)
    for question in range(4):
        answers = ASKED.toarray()[:, question] > 0
        other = BernoulliNB(alpha=0.5).fit(FEATURES, answers).predict_log_proba(FEATURES)
        assert np.corrcoef(odds[:, question], other[:, 1] - other[:, 0])[0, 1] > 0.98


def test_what_chance_may_have_put_there_weighs_nothing() -> None:
    answers = np.zeros((1000, 1))
    answers[:100] = 1
    features = np.zeros((1000, 3))
    features[::5, 0] = 1  # in a fifth of either
    features[:80, 1] = 1  # in most of these rows alone
    features[100:900, 2] = 1  # in none of them
    plain, reliable = fit_weights(sparse.csr_array(answers), sparse.csr_array(features))
    assert reliable.present[0, 0] == reliable.absent[0, 0] == 0
    np.testing.assert_allclose(reliable.present[0, 1:], plain.present[0, 1:], rtol=0.02)


def test_many_common_words_that_few_rows_lack_dont_outvote_their_payload() -> None:
    random = np.random.default_rng(1)
    answers = np.arange(600) < 12
    words = (random.random((600, 2000)) < 0.15).astype(float)
    words[:9] *= random.random((9, 2000)) < 0.1  # short responses, but for three
    words[answers, 0] = 1
    words[~answers, 0] = 0
    folds = random.permutation(600) % FOLDS
    asked = sparse.csr_array(answers[:, None].astype(float))
    plain, reliable = (
        auroc(odds, answers[:, None])
        for odds in held_out_odds(asked, sparse.csr_array(words), folds)
    )
    assert plain < 0.9 < 0.99 < reliable


def test_a_row_is_judged_by_others_alone() -> None:
    odds, _ = held_out_odds(ASKED, FEATURES, FEATURES_FOLDS)
    own = FEATURES_FOLDS == 0
    changed = ASKED.toarray()
    changed[own] = 1 - changed[own]
    again, _ = held_out_odds(sparse.csr_array(changed), FEATURES, FEATURES_FOLDS)
    np.testing.assert_allclose(again[own], odds[own])
    assert not np.allclose(again[~own], odds[~own])


def test_what_a_question_may_not_look_at_changes_nothing() -> None:
    hidden = np.zeros((4, 30))
    hidden[1, 7] = 1
    odds, _ = held_out_odds(ASKED, FEATURES, FEATURES_FOLDS, sparse.csr_array(hidden))
    noisy = FEATURES.toarray()
    noisy[:, 7] = RANDOM.random(200) < 0.5
    again, _ = held_out_odds(
        ASKED, sparse.csr_array(noisy), FEATURES_FOLDS, sparse.csr_array(hidden)
    )
    np.testing.assert_allclose(again[:, 1], odds[:, 1])
    assert not np.allclose(again[:, 0], odds[:, 0])


def test_blocks_of_questions_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = held_out_odds(ASKED, FEATURES, FEATURES_FOLDS)
    monkeypatch.setattr(naive_bayes, "_BLOCK_CELLS", 200)
    blocks, _ = held_out_odds(ASKED, FEATURES, FEATURES_FOLDS)
    np.testing.assert_allclose(blocks, whole)


def test_auroc_is_that_of_scikit_learn() -> None:
    odds = RANDOM.normal(size=(200, 4)).round(1)
    answers = ASKED.toarray() > 0
    expected = [roc_auc_score(answers[:, n], odds[:, n]) for n in range(4)]
    np.testing.assert_allclose(auroc(odds, answers), expected)


@pytest.mark.parametrize("balanced", [False, True])
def test_calibrated_odds_are_those_of_a_logistic_regression(balanced: bool) -> None:
    scores = RANDOM.normal(size=(400, 2)) * [3, 0.1] + 5
    answers = RANDOM.random(400) < 1 / (1 + np.exp(-(scores[:, 0] - 7)))
    odds, slopes, intercept = calibrated(scores, answers, balanced=balanced)
    other = LogisticRegression(C=2.5, class_weight="balanced" if balanced else None, tol=1e-8)
    other.fit((scores - scores.mean(0)) / scores.std(0), answers)
    expected = other.decision_function((scores - scores.mean(0)) / scores.std(0))
    np.testing.assert_allclose(odds, expected, atol=1e-3)
    np.testing.assert_allclose(scores @ slopes + intercept, odds)


def test_scores_without_errors_give_finite_odds() -> None:
    answers = np.arange(100) < 5
    odds, _, _ = calibrated(answers[:, None].astype(float), answers)
    assert np.isfinite(odds).all()
    assert (odds[answers] > 0).all()
    assert (odds[~answers] < 0).all()
