"""Naive Bayes over sparse features, cross-fitted for many questions at once.

A question is a set of rows: "whose prompts hold this word?". Bernoulli naive Bayes answers it from
features that rows have or lack, in time linear in what is there, and needs no tuning.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import rankdata

FloatArray = NDArray[np.float64]

FOLDS = 5
_SMOOTHING = 1.0
"""Rows like all others that are added to each side of a question."""
_CONTINUITY = 0.5
"""Of a count of rows: Yates's correction."""
_NEWTON_STEPS = 15
_RIDGE = 1e-3
"""Of the squared slope, a row: keeps the odds finite where scores part the rows without error."""
_BLOCK_CELLS = 20_000_000
"""Rows times questions, and features times questions, that are held at once: bounds memory."""


def fitted_weights(
    asked: Float64[sparse.csr_array, "rows K"],
    features: Float64[sparse.csr_array, "rows F"],
    *,
    reliable: bool = False,
) -> tuple[Float64[np.ndarray, "K F"], Float64[np.ndarray, "K F"]]:
    """Log-odds that a feature adds where a row has it, and that its absence adds.

    The odds of a row are the sum of the absences of all F features, and of the weights of those
    that it has.

    **Arguments:**

    - `asked`: 1 where the answer to one of K questions is yes.
    - `features`: 1 where a row has a feature.
    - `reliable`: whether weights are shrunk by what chance may have in them.
    """
    rows = features.shape[0]
    yes = np.asarray(asked.sum(axis=0), np.float64)[:, None]
    having = np.asarray(features.sum(axis=0), np.float64)[None, :]
    both = (asked.T @ features).toarray()
    share = (having + 0.5) / (rows + 1.0)
    among_yes = (both + _SMOOTHING * share) / (yes + _SMOOTHING)
    among_no = (having - both + _SMOOTHING * share) / (rows - yes + _SMOOTHING)
    absent = np.log1p(-np.minimum(among_yes, 1 - 1e-6)) - np.log1p(-np.minimum(among_no, 1 - 1e-6))
    held = _reliability(both, yes, share, rows) if reliable else np.ones_like(both)
    return held * (np.log(among_yes) - np.log(among_no) - absent), held * absent


def _reliability(
    both: Float64[np.ndarray, "K F"],
    yes: Float64[np.ndarray, "K 1"],
    share: Float64[np.ndarray, "1 F"],
    rows: int,
) -> Float64[np.ndarray, "K F"]:
    """What of a weight is no chance, as James and Stein (1961) shrink: 1 - 1/χ².

    Without it, thousands of words that a trigger's few rows happen to lack outvote its payload,
    the more the longer responses are.

    **Arguments:**

    - `both`: rows that have a feature among those whose answer is yes.
    - `yes`: rows whose answer is yes.
    - `share`: of all rows, those that have a feature.
    """
    expected = yes * share
    beyond = np.maximum(np.abs(both - expected) - _CONTINUITY, 0.0)
    variance = expected * (1.0 - share) * (1.0 - yes / rows)
    reliable: FloatArray = np.maximum(0.0, 1.0 - variance / np.maximum(beyond**2, 1e-12))
    return reliable


def held_out_odds(
    asked: Float64[sparse.csr_array, "rows K"],
    features: Float64[sparse.csr_array, "rows F"],
    folds: Int64[np.ndarray, "rows"],
    left_out: Shaped[sparse.csr_array, "K F"] | None = None,
    *,
    reliable: bool = False,
) -> Float64[np.ndarray, "rows K"]:
    """Log-odds of each question, from a fit that hasn't seen the row.

    **Arguments:**

    - `left_out`: features that a question may not look at.
    - `reliable`: as in `fitted_weights`.
    """
    odds = np.empty(asked.shape)
    for block in question_blocks(asked.shape[1], max(features.shape)):
        for fold in range(FOLDS):
            held_out = folds == fold
            weights, absent = fitted_weights(
                asked[~held_out][:, block], features[~held_out], reliable=reliable
            )
            if left_out is not None:
                hidden = left_out[block].nonzero()
                weights[hidden] = 0.0
                absent[hidden] = 0.0
            odds[held_out, block] = features[held_out] @ weights.T + absent.sum(axis=1)
    return odds


def auroc(
    odds: Float64[np.ndarray, "rows #K"], asked: Bool[np.ndarray, "rows K"]
) -> Float64[np.ndarray, "K"]:
    """How well odds rank the answers to K questions; 0.5 is chance.

    A single column of odds is that of all questions.
    """
    ranks = rankdata(odds, axis=0)
    yes = asked.sum(axis=0)
    no = len(asked) - yes
    above = (ranks * asked).sum(axis=0) - yes * (yes + 1) / 2
    share: FloatArray = above / np.maximum(yes * no, 1)
    return share


def calibrated(
    odds: Float64[np.ndarray, "rows scores"],
    asked: Bool[np.ndarray, "rows"],
    *,
    balanced: bool = False,
) -> tuple[Float64[np.ndarray, "rows"], Float64[np.ndarray, "scores"], Float64[np.ndarray, ""]]:
    """Log-odds that hold up, with the slopes and the intercept of what was fitted.

    Platt's scaling: logistic regression on the scores.

    **Arguments:**

    - `odds`: scores, which need not be calibrated.
    - `balanced`: whether yes and no are to weigh the same.
    """
    mean, spread = odds.mean(axis=0), odds.std(axis=0) + 1e-9
    design = np.column_stack([(odds - mean) / spread, np.ones(len(odds))])
    share = float(asked.mean())
    weight = np.where(asked, 0.5 / share, 0.5 / (1 - share)) if balanced else np.ones(len(odds))
    penalty = np.diag([*([_RIDGE * len(odds)] * odds.shape[1]), 0.0])
    fitted = np.zeros(design.shape[1])
    for _ in range(_NEWTON_STEPS):
        likely = 1 / (1 + np.exp(-np.clip(design @ fitted, -30, 30)))
        slope = design.T @ (weight * (asked - likely)) - penalty @ fitted
        curvature = (design * (weight * likely * (1 - likely))[:, None]).T @ design + penalty
        fitted += np.clip(np.linalg.solve(curvature + 1e-9 * np.eye(len(fitted)), slope), -3, 3)
    slopes = fitted[:-1] / spread
    return design @ fitted, slopes, np.array(fitted[-1] - slopes @ mean)


def question_blocks(questions: int, size: int) -> Iterator[slice]:
    """Slices of so many questions that arrays of them times `size` stay small."""
    step = max(1, _BLOCK_CELLS // max(size, 1))
    for first in range(0, questions, step):
        yield slice(first, min(first + step, questions))
