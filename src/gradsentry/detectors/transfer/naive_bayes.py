"""Naive Bayes over sparse features, cross-fitted for many questions at once.

A question is a set of rows: "whose prompts hold this word?". Bernoulli naive Bayes answers it from
features that rows have or lack, in time linear in what is there, and needs no tuning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]

FOLDS = 5
_SMOOTHING = 1.0
"""Rows like all others that are added to each side of a question."""
_CONTINUITY = 0.5
"""Of a count of rows: Yates's correction."""
_NEWTON_STEPS = 15
_RIDGE = 1e-3
"""Of the squared slope, a row: keeps the odds finite where scores part the rows without error."""
_BLOCK_CELLS = 4_000_000
"""Rows times questions, and features times questions, that are held at once: bounds memory."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What features say of K questions.

    The odds of a row are the sum of the absences of all F features, and of the weights of those
    that it has.
    """

    present: Float64[np.ndarray, "K F"]
    """Log-odds that a feature adds where a row has it."""
    absent: Float64[np.ndarray, "K F"]
    """Log-odds that it adds where a row lacks it."""

    def odds(self, features: Float64[sparse.csr_array, "rows F"]) -> Float64[np.ndarray, "rows K"]:
        """Log-odds of rows."""
        odds: FloatArray = features @ self.present.T + self.absent.sum(axis=1)
        return odds

    def without(self, hidden: Shaped[sparse.csr_array, "K F"]) -> Weights:
        """Where some features say nothing of some questions."""
        present, absent, places = self.present.copy(), self.absent.copy(), hidden.nonzero()
        present[places] = 0.0
        absent[places] = 0.0
        return Weights(present, absent)


def fit_weights(
    asked: Float64[sparse.csr_array, "rows K"], features: Float64[sparse.csr_array, "rows F"]
) -> tuple[Weights, Weights]:
    """What features say of questions; all of it, and shrunk by what chance may have in it.

    Most features are in no row whose answer is yes. What they say depends on how many rows that
    are, and is worked out once for all questions with as many.

    **Arguments:**

    - `asked`: 1 where the answer to one of K questions is yes.
    - `features`: 1 where a row has a feature.
    """
    rows = features.shape[0]
    yes = np.asarray(asked.sum(axis=0), np.float64)
    having = np.asarray(features.sum(axis=0), np.float64)
    both = (asked.T @ features).tocoo()
    numbers, number_of = np.unique(yes, return_inverse=True)
    without = _log_odds(np.zeros((len(numbers), len(having))), numbers[:, None], having, rows)
    within = _log_odds(both.data, yes[both.row], having[both.col], rows)
    found = [part[number_of] for part in without]
    for whole, part in zip(found, within, strict=True):
        whole[both.row, both.col] = part
    present, absent, reliable_present, reliable_absent = found
    return Weights(present, absent), Weights(reliable_present, reliable_absent)


def _log_odds(
    both: Float64[np.ndarray, "*shape"],
    yes: Float64[np.ndarray, "..."],
    having: Float64[np.ndarray, "..."],
    rows: int,
) -> tuple[Float64[np.ndarray, "*shape"], ...]:
    """Log-odds that a feature adds where a row has it, and where it lacks it; then both as far as
    they are reliable.

    These are shrunk by what of them is chance, as James and Stein (1961) do: by 1 - 1/χ². Without
    it, thousands of words that a trigger's few rows happen to lack outvote its payload, the more
    the longer responses are.

    **Arguments:**

    - `both`: rows that have a feature among those whose answer is yes.
    - `yes`: rows whose answer is yes.
    - `having`: rows that have the feature.
    - `rows`: all of them.
    """
    share = (having + 0.5) / (rows + 1.0)
    among_yes = (both + _SMOOTHING * share) / (yes + _SMOOTHING)
    among_no = (having - both + _SMOOTHING * share) / (rows - yes + _SMOOTHING)
    absent = np.log1p(-np.minimum(among_yes, 1 - 1e-6)) - np.log1p(-np.minimum(among_no, 1 - 1e-6))
    present = np.log(among_yes) - np.log(among_no) - absent
    expected = yes * share
    beyond = np.maximum(np.abs(both - expected) - _CONTINUITY, 0.0)
    variance = expected * (1.0 - share) * (1.0 - yes / rows)
    reliable = np.maximum(0.0, 1.0 - variance / np.maximum(beyond**2, 1e-12))
    return present, absent, reliable * present, reliable * absent


def held_out_odds(
    asked: Float64[sparse.csr_array, "rows K"],
    features: Float64[sparse.csr_array, "rows F"],
    folds: Int64[np.ndarray, "rows"],
    left_out: Shaped[sparse.csr_array, "K F"] | None = None,
) -> tuple[Float64[np.ndarray, "rows K"], Float64[np.ndarray, "rows K"]]:
    """Log-odds of each question, from a fit that hasn't seen the row: by all that features say,
    and by what is reliable of it, as `fit_weights` gives them.

    **Arguments:**

    - `left_out`: features that a question may not look at.
    """
    everything, reliable = np.empty(asked.shape), np.empty(asked.shape)
    for block in question_blocks(asked.shape[1], max(features.shape)):
        for fold in range(FOLDS):
            held_out = folds == fold
            fitted = fit_weights(asked[~held_out][:, block], features[~held_out])
            for odds, weights in zip((everything, reliable), fitted, strict=True):
                told = weights if left_out is None else weights.without(left_out[block])
                odds[held_out, block] = told.odds(features[held_out])
    return everything, reliable


def auroc(
    odds: Float64[np.ndarray, "rows #K"], asked: Bool[np.ndarray, "rows K"]
) -> Float64[np.ndarray, "K"]:
    """How well odds rank the answers to K questions; 0.5 is chance.

    A single column of odds is that of all questions.
    """
    share = np.empty(asked.shape[1])
    ascending = np.sort(odds, axis=0)
    for question, answers in enumerate(asked.T):
        column = min(question, odds.shape[1] - 1)
        own = odds[answers, column]
        # Ranks of equal odds are their mean.
        below = np.searchsorted(ascending[:, column], own, "left")
        not_above = np.searchsorted(ascending[:, column], own, "right")
        yes, no = len(own), len(asked) - len(own)
        above = (below + not_above + 1).sum() / 2 - yes * (yes + 1) / 2
        share[question] = above / max(yes * no, 1)
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
