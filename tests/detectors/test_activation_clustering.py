"""The smaller of two clusters."""

from __future__ import annotations

from gradsentry.detectors.activation_clustering import activation_cluster_scores
from tests.detectors.points_of import planted


def test_the_smaller_cluster_is_above_one_half() -> None:
    scores = activation_cluster_scores(planted(), seed=0)
    assert (scores[:20] > 0.5).all()
    assert (scores[20:] < 0.5).all()
