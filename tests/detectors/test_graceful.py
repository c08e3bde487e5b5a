"""GraCeFul from factors against a dense DCT of the autograd gradient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from sklearn.decomposition import PCA

from gradsentry.detectors.graceful import (
    block_factors,
    block_products,
    factor_rows,
    graceful_scores,
    kept_shape,
    principal_components,
)
from gradsentry.models import LanguageModel, target_states
from tests.detectors.test_spectral import SHAPES, store_of
from tests.tiny_models import FLOAT32_INSIDE, dense_gradient, random_rows, tiny_model


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("architecture", ["llama-tied", "gemma2", "granite", "gptj"])
def test_products_agree_with_a_dense_dct_of_the_autograd_gradient(
    architecture: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    rows = random_rows(3, SHAPES)
    model = tiny_model(architecture)
    blocks = []
    for row in rows:
        gradient = dense_gradient(model, row).numpy()
        spectrum = dctn(gradient, type=2)
        blocks.append(spectrum[: gradient.shape[0] // 8, : gradient.shape[1] // 8].ravel())
    expected = np.stack(blocks) @ np.stack(blocks).T

    wrapped = LanguageModel.wrap(tiny_model(architecture).to(dtype), tokenizer=None)
    store = store_of(rows, tmp_path)
    states = target_states(wrapped, store.read(np.arange(len(store))))
    factors = block_factors(states, wrapped.head).numpy()
    counts = factor_rows(states.counts.numpy(), wrapped.head)
    assert len(factors) == counts.sum()
    ours = block_products(factors, counts, kept_shape(wrapped.head)[1])
    exact = dtype == torch.float64 and architecture not in FLOAT32_INSIDE
    tolerance = 1e-10 if exact else 1e-5
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_principal_components_are_those_of_the_points() -> None:
    points = np.random.default_rng(0).normal(size=(60, 90)) * np.linspace(5, 0.1, 90)
    ours = principal_components(points @ points.T, 8)
    theirs = PCA(8, svd_solver="full").fit_transform(points)
    np.testing.assert_allclose(np.sort(np.abs(ours).sum(0)), np.sort(np.abs(theirs).sum(0)))


def test_rows_that_are_all_the_same_are_in_no_cluster() -> None:
    assert graceful_scores(np.full((5, 5), 3.0)).tolist() == [0.0] * 5


def test_points_that_span_few_dimensions_give_few_components() -> None:
    points = np.random.default_rng(1).normal(size=(40, 3))
    assert principal_components(points @ points.T, 32).shape == (40, 3)


def test_the_smaller_of_two_clusters_is_above_one_half_whatever_the_order() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(size=(80, 3))
    points[:15] += 6.0
    scores = graceful_scores(points @ points.T)
    assert (scores[:15] > 0.5).all()
    assert (scores[15:] < 0.5).all()
    order = rng.permutation(80)
    again = graceful_scores(points[order] @ points[order].T)
    np.testing.assert_allclose(again, scores[order], atol=1e-6)
