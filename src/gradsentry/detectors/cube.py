"""Baseline: rows outside the largest dense cluster of representations (Cui et al., 2022).

As published the representations are those of a model that was tuned on the data before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float64
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA

from gradsentry._option_checks import Seed
from gradsentry.detectors.points import PointsDetector, in_smaller
from gradsentry.errors import InputError
from gradsentry.settings_here import refuse_settings_here

_NUMBA_CONFIG = ".numba_config.yaml"
_WIDTH, _NEIGHBOURS, _SMALLEST_CLUSTER = 32, 100, 5


@dataclass(frozen=True, kw_only=True)
class Cube(PointsDetector):
    """Scores a row by whether it is in the largest dense cluster of representations."""

    name: ClassVar[str] = "cube"

    seed: Seed = 0
    """Where the coordinates start."""

    @property
    def axis(self) -> str:
        return (
            "Above 0.5 a row is outside the largest dense cluster of representations; the distance "
            "from 0.5 says how firmly it belongs to its own"
        )

    def score_points(self, points: Float64[np.ndarray, "rows d"]) -> Float64[np.ndarray, "rows"]:
        return cube_scores(points, self.seed)


def cube_scores(points: Float64[np.ndarray, "rows d"], seed: int) -> Float64[np.ndarray, "rows"]:
    """All but the largest cluster of points: above one half a row is outside.

    CUBE (Cui et al., 2022) with the settings of the paper's comparison: 32 principal components,
    two coordinates by UMAP, clusters by HDBSCAN. Points that are in no cluster count as one, as in
    the published code. The distance from one half is how firmly a point belongs to its cluster; 0
    where nothing clusters.

    **Raises:**

    `InputError` if UMAP isn't installed.
    """
    reducer = _umap()
    rows = len(points)
    if rows < 2 * _SMALLEST_CLUSTER:
        return np.zeros(rows)
    width = min(_WIDTH, *points.shape)
    reduced = PCA(width, svd_solver="covariance_eigh").fit_transform(points)
    with _same_threads():
        flat = reducer(
            n_components=2,
            n_neighbors=min(_NEIGHBOURS, rows - 1),
            min_dist=0.0,
            random_state=seed,
            n_jobs=1,
        ).fit_transform(reduced)
    clusters = HDBSCAN(
        min_cluster_size=_SMALLEST_CLUSTER, min_samples=min(_NEIGHBOURS, rows), copy=True
    ).fit(flat)
    if (clusters.labels_ < 0).all():
        return np.zeros(rows)
    found, counts = np.unique(clusters.labels_, return_counts=True)
    return in_smaller(clusters.labels_ != found[counts.argmax()], clusters.probabilities_)


@contextlib.contextmanager
def _same_threads() -> Iterator[None]:
    """Numba, which UMAP runs on, changes how many threads torch has; on busy cores every small step
    of torch then waits for them."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _umap() -> type[Any]:
    """The class of the package umap-learn.

    **Raises:**

    `InputError` if it isn't installed, or if the current folder would say how it works.
    """
    # Numba reads it, and it may name a cache, which is pickles, or libraries.
    refuse_settings_here(_NUMBA_CONFIG, "the detector cube")
    try:
        from umap import UMAP
    except ImportError:
        raise InputError(
            "The detector cube needs the package umap-learn.",
            "Install it with: pip install 'gradsentry[cube]'.",
        ) from None
    kind: type[Any] = UMAP
    return kind
