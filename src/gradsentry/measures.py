"""How well flagged rows match known labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from sklearn.metrics import (
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)


@dataclass(frozen=True)
class Identification:
    """Flagged rows (predicted poisoned) against labelled ones, over the scored rows."""

    poisoned: int
    """Scored rows that are labelled poisoned."""
    recall: float
    precision: float
    f1: float
    auroc: float | None
    """Area under the ROC curve of the scores; None where all labels are the same."""


@dataclass(frozen=True)
class Ranking:
    """What the scores could do with another threshold; None where all labels are the same."""

    best_f1: float | None
    """F1 at the threshold that is best for these labels, which nobody knows beforehand."""
    recall_at_1fpr: float | None
    """Largest recall with at most 1% of the clean rows flagged."""


def identification(
    labels: Bool[np.ndarray, "rows"],
    flagged: Bool[np.ndarray, "rows"],
    scores: Float64[np.ndarray, "rows"],
) -> Identification:
    """Compare labels, decisions and scores. Undefined ratios are 0."""
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, flagged, average="binary", zero_division=0.0
    )
    one_class = bool(labels.all() or not labels.any())
    return Identification(
        poisoned=int(labels.sum()),
        recall=float(recall),
        precision=float(precision),
        f1=float(f1),
        auroc=None if one_class else float(roc_auc_score(labels, scores)),
    )


def ranking(labels: Bool[np.ndarray, "rows"], scores: Float64[np.ndarray, "rows"]) -> Ranking:
    """What thresholds on scores could do for labels."""
    if labels.all() or not labels.any():
        return Ranking(None, None)
    precision, recall, _ = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    false_positives, true_positives, _ = roc_curve(labels, scores, drop_intermediate=False)
    return Ranking(float(f1.max()), float(true_positives[false_positives <= 0.01].max()))


def f1_interval(
    labels: Bool[np.ndarray, "rows"],
    flagged: Bool[np.ndarray, "rows"],
    seed: int = 0,
    draws: int = 2000,
) -> tuple[float, float]:
    """95% bootstrap interval of F1: rows drawn anew with replacement.

    F1 depends on the confusion matrix alone, whose draws are multinomial.
    """
    kinds = [labels & flagged, ~labels & flagged, labels & ~flagged, ~labels & ~flagged]
    shares = np.array([kind.sum() for kind in kinds]) / len(labels)
    drawn = np.random.default_rng(seed).multinomial(len(labels), shares, size=draws)
    f1 = 2 * drawn[:, 0] / np.maximum(2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2], 1)
    low, high = np.quantile(f1, (0.025, 0.975))
    return float(low), float(high)
