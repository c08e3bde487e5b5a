"""Baselines on representations: rows as points, the final hidden state before their last target.

That state has seen prompt and response. Both methods were published for classifiers, where the
points are those of one class; fine-tuning data have no classes, so all rows are one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from torch import Tensor

from gradsentry.errors import InputError
from gradsentry.models import TargetStates
from gradsentry.settings_here import refuse_settings_here

FloatArray = NDArray[np.float64]

_CLUSTERED_WIDTH = 10
_REMOVED = 1.5
_NUMBA_CONFIG = ".numba_config.yaml"
_CUBE_WIDTH, _CUBE_NEIGHBOURS, _SMALLEST_CLUSTER = 32, 100, 5


def last_hidden(states: TargetStates) -> Tensor:
    """The representation of every row of a batch. Shape (B, d), float32, on the CPU."""
    last = states.counts.cumsum(0) - 1
    return states.hidden[last.to(states.hidden.device)].float().cpu()


def spectral_signature_scores(points: FloatArray, expected_ratio: float) -> FloatArray:
    """Squared projections v of centred points (rows, d) on their top singular vector.

    Returned as v / (v + c) with c the v that 1.5 times the expected poison ratio of the rows exceed
    (Tran et al., 2018, remove that many): above one half a row is flagged. Shape (rows,).
    """
    centred = points - points.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    projected = (centred @ vectors[:, np.argmax(values)]) ** 2
    cut = float(np.quantile(projected, max(0.0, 1.0 - _REMOVED * expected_ratio)))
    scores: FloatArray = projected / (projected + max(cut, 1e-12))
    return scores


def activation_cluster_scores(points: FloatArray, seed: int) -> FloatArray:
    """The smaller of two clusters of points (rows, d): above one half a row is in it.

    Ten principal components, then 2-means (Chen et al., 2018, with their rule of relative size).
    The distance from one half is how much nearer a point is to its own centre. Shape (rows,).
    """
    width = min(_CLUSTERED_WIDTH, *points.shape)
    reduced = PCA(width, svd_solver="covariance_eigh").fit_transform(points)
    clusters = KMeans(2, n_init=10, random_state=seed).fit(reduced)
    distances = clusters.transform(reduced)
    smaller = int(np.argmin(np.bincount(clusters.labels_, minlength=2)))
    near = distances[:, 1 - smaller] - distances[:, smaller]
    margin = np.abs(near) / np.maximum(distances.sum(axis=1), 1e-12)
    return in_smaller(clusters.labels_ == smaller, margin)


def cube_scores(points: FloatArray, seed: int) -> FloatArray:
    """All but the largest cluster of points (rows, d): above one half a row is outside.

    CUBE (Cui et al., 2022) with the settings of the paper's comparison: 32 principal components,
    two coordinates by UMAP, clusters by HDBSCAN. Points that are in no cluster count as one, as in
    the published code. The distance from one half is how firmly a point belongs to its cluster.
    Shape (rows,), 0 where nothing clusters.

    **Raises:**

    `InputError` if UMAP isn't installed.
    """
    reducer = _umap()
    rows = len(points)
    if rows < 2 * _SMALLEST_CLUSTER:
        return np.zeros(rows)
    width = min(_CUBE_WIDTH, *points.shape)
    reduced = PCA(width, svd_solver="covariance_eigh").fit_transform(points)
    flat = reducer(
        n_components=2,
        n_neighbors=min(_CUBE_NEIGHBOURS, rows - 1),
        min_dist=0.0,
        random_state=seed,
        n_jobs=1,
    ).fit_transform(reduced)
    clusters = HDBSCAN(
        min_cluster_size=_SMALLEST_CLUSTER, min_samples=min(_CUBE_NEIGHBOURS, rows), copy=True
    ).fit(flat)
    if (clusters.labels_ < 0).all():
        return np.zeros(rows)
    found, counts = np.unique(clusters.labels_, return_counts=True)
    return in_smaller(clusters.labels_ != found[counts.argmax()], clusters.probabilities_)


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


def in_smaller(member: NDArray[np.bool_], margin: FloatArray) -> FloatArray:
    """Scores above one half for members, and as far from it as the margin (in [0, 1]) says."""
    half = 0.5 * np.clip(margin, 1e-6, 1.0)
    scores: FloatArray = np.where(member, 0.5 + half, 0.5 - half)
    return scores
