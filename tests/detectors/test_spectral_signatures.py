"""Outliers along the first principal direction."""

from __future__ import annotations

import numpy as np
import pytest

from gradsentry.detectors.spectral_signatures import spectral_signature_scores
from tests.detectors.points_of import planted


@pytest.mark.parametrize("ratio", [0.1, 0.2])
def test_spectral_signatures_remove_one_and_a_half_times_the_expected_ratio(ratio: float) -> None:
    scores = spectral_signature_scores(planted(), ratio)
    assert (scores > 0.5).sum() == round(1.5 * ratio * 200)
    assert (scores[:20] > 0.5).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_points_that_are_all_the_same_are_no_error() -> None:
    same = np.ones((10, 4))
    assert np.isfinite(spectral_signature_scores(same, 0.1)).all()
