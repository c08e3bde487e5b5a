"""Baseline: the smaller of two clusters of representations (Chen et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from gradsentry._option_checks import Seed
from gradsentry.detectors.points import PointsDetector, in_smaller

_CLUSTERED_WIDTH = 10


@dataclass(frozen=True, kw_only=True)
class ActivationClustering(PointsDetector):
    """Scores a row by the cluster of representations that it is in."""

    name: ClassVar[str] = "activation-clustering"

    seed: Seed = 0
    """Where the clusters start."""

    @property
    def axis(self) -> str:
        return (
            "Above 0.5 a row is in the smaller of two clusters of representations; the distance "
            "from 0.5 says how much nearer it is to its own"
        )

    def score_points(self, points: Float64[np.ndarray, "rows d"]) -> Float64[np.ndarray, "rows"]:
        return activation_cluster_scores(points, self.seed)


def activation_cluster_scores(
    points: Float64[np.ndarray, "rows d"], seed: int
) -> Float64[np.ndarray, "rows"]:
    """The smaller of two clusters of points: above one half a row is in it.

    Ten principal components, then 2-means (Chen et al., 2018, with their rule of relative size).
    The distance from one half is how much nearer a point is to its own centre.
    """
    width = min(_CLUSTERED_WIDTH, *points.shape)
    reduced = PCA(width, svd_solver="covariance_eigh").fit_transform(points)
    clusters = KMeans(2, n_init=10, random_state=seed).fit(reduced)
    distances = clusters.transform(reduced)
    smaller = int(np.argmin(np.bincount(clusters.labels_, minlength=2)))
    near = distances[:, 1 - smaller] - distances[:, smaller]
    margin = np.abs(near) / np.maximum(distances.sum(axis=1), 1e-12)
    return in_smaller(clusters.labels_ == smaller, margin)
