"""The baseline `length` against its definition."""

from __future__ import annotations

import numpy as np

from gradsentry.detectors.length import length_scores


def test_longer_responses_have_higher_scores() -> None:
    assert length_scores(np.array([1, 16, 48])).tolist() == [1 / 17, 0.5, 0.75]
