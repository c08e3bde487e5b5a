"""Identification measures."""

from __future__ import annotations

import numpy as np
import pytest

from gradsentry.measures import identification


def test_figures_follow_from_the_confusion_matrix() -> None:
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    flagged = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0], dtype=bool)
    scores = np.array([0.9, 0.8, 0.7, 0.3, 0.75, 0.2, 0.2, 0.1, 0.1, 0.1])
    known = identification(labels, flagged, scores)
    assert known.poisoned == 4
    assert known.recall == 0.75
    assert known.precision == 0.75
    assert known.f1 == 0.75
    assert known.auroc == pytest.approx(22 / 24)  # of 4 × 6 pairs, two are the wrong way round


def test_one_class_has_no_auroc_and_nothing_flagged_no_precision() -> None:
    nothing = np.zeros(3, dtype=bool)
    known = identification(nothing, nothing, np.array([0.1, 0.2, 0.3]))
    assert known.auroc is None
    assert (known.recall, known.precision, known.f1) == (0, 0, 0)
