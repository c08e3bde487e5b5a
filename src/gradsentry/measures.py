"""How well flagged rows match known labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score


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


def identification(
    labels: NDArray[np.bool_], flagged: NDArray[np.bool_], scores: NDArray[np.float64]
) -> Identification:
    """Compare labels, decisions and scores, all of shape (N,). Undefined ratios are 0."""
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
