"""The exact spectrum against dense autograd and a full SVD."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gradsentry.detectors.spectral import (
    Spectral,
    gradient_singular_values,
    spectral_entropy,
    spectral_scores,
)
from gradsentry.encoding import EncodedRow, EncodedStore, EncodedWriter
from gradsentry.models import LanguageModel, target_states
from tests.tiny_models import ARCHITECTURES, EXPERTS, Row, dense_gradient, random_rows, tiny_model

# Ragged: one target, fewer than k = 16, fewer than d//8 = 20, more than d//8, more than d = 160.
SHAPES = [(5, 1), (3, 2), (9, 7), (4, 16), (30, 19), (6, 21), (2, 40), (1, 90), (12, 170)]


def store_of(rows: list[Row], folder: Path) -> EncodedStore:
    with EncodedWriter(folder) as writer:
        for row in rows:
            mask = np.arange(len(row.ids)) >= row.first_target
            writer.append(EncodedRow(np.asarray(row.ids, np.int32), mask, False, False))
        return writer.finish()


def scores_of(
    model: torch.nn.Module, rows: list[Row], folder: Path, options: Spectral
) -> torch.Tensor:
    wrapped = LanguageModel.wrap(model, tokenizer=None)
    store = store_of(rows, folder)
    return spectral_scores(
        target_states(wrapped, store.read(np.arange(len(store)))), wrapped.head, options
    )


def dense_score(model: torch.nn.Module, row: Row, crop: int) -> float:
    """The paper's steps 1 to 4, with a full SVD."""
    gradient = dense_gradient(model, row)
    vocab, hidden = gradient.shape
    values = torch.linalg.svdvals(gradient[: vocab // crop, : hidden // crop])[:16]
    weights = values.clamp_min(1e-12) / values.clamp_min(1e-12).sum()
    return float(-(weights * weights.log()).sum() / math.log(16))


@pytest.mark.parametrize("crop", [8, 1])
@pytest.mark.parametrize("architecture", [*ARCHITECTURES, *EXPERTS])
def test_scores_agree_with_dense_autograd(architecture: str, crop: int, tmp_path: Path) -> None:
    model = tiny_model(architecture)
    rows = random_rows(1, SHAPES)
    ours = scores_of(model, rows, tmp_path, Spectral(crop=crop))
    dense = torch.tensor([dense_score(model, row, crop) for row in rows], dtype=torch.float64)
    torch.testing.assert_close(ours, dense, rtol=0, atol=1e-6)


def test_a_rank_one_gradient_has_no_entropy(tmp_path: Path) -> None:
    ours = scores_of(tiny_model("llama"), random_rows(2, [(8, 1)]), tmp_path, Spectral())
    assert float(ours) == pytest.approx(0, abs=1e-8)


def test_equal_singular_values_have_entropy_one() -> None:
    assert float(spectral_entropy(torch.full((20,), 3.0), 16)) == pytest.approx(1)


def test_the_entropy_ignores_the_scale() -> None:
    values = torch.rand(30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = values.sort(descending=True).values
    torch.testing.assert_close(spectral_entropy(values, 16), spectral_entropy(values * 1e5, 16))


@pytest.mark.parametrize("targets", [1, 3, 12, 20, 40])
def test_singular_values_are_those_of_the_product(targets: int) -> None:
    generator = torch.Generator().manual_seed(targets)
    residuals = torch.randn(3, targets, 50, generator=generator, dtype=torch.float64)
    hidden = torch.randn(3, targets, 20, generator=generator, dtype=torch.float64)
    values = gradient_singular_values(residuals, hidden)
    expected = torch.linalg.svdvals(residuals.mT @ hidden)[:, : min(targets, 20)]
    torch.testing.assert_close(values, expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_do_not_depend_on_batch_or_order(dtype: torch.dtype, tmp_path: Path) -> None:
    model = tiny_model("gemma2", dtype)
    rows = random_rows(3, SHAPES)
    together = scores_of(model, rows, tmp_path, Spectral())
    backwards = scores_of(model, rows[::-1], tmp_path, Spectral())
    alone = torch.cat([scores_of(model, [row], tmp_path, Spectral()) for row in rows])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)
    torch.testing.assert_close(together, backwards.flip(0), rtol=0, atol=1e-4)


def test_numbers_that_are_not_finite_give_no_score_and_spare_the_others(tmp_path: Path) -> None:
    model = tiny_model("llama")
    rows = random_rows(4, [(5, 6), (5, 6), (5, 30)])
    expected = scores_of(model, rows, tmp_path, Spectral())
    broken_token = rows[1].ids[0]
    rows[0] = Row([3 if i == broken_token else i for i in rows[0].ids], 5)
    rows[2] = Row([3 if i == broken_token else i for i in rows[2].ids], 5)
    expected = scores_of(model, rows, tmp_path, Spectral())
    with torch.no_grad():
        model.get_input_embeddings().weight[broken_token] = float("nan")
    ours = scores_of(model, rows, tmp_path, Spectral())
    assert ours.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(ours[[0, 2]], expected[[0, 2]])


def test_a_decomposition_that_fails_costs_its_own_row_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama")
    rows = random_rows(5, [(5, 6), (5, 6), (5, 6), (5, 8)])
    expected = scores_of(model, rows, tmp_path, Spectral())
    original = torch.linalg.eigvalsh
    seen: list[int] = []

    def failing(matrices: torch.Tensor) -> torch.Tensor:
        seen.append(len(matrices))
        if len(matrices) == 3 or len(seen) == 3:  # three of six targets; the second of them
            raise torch.linalg.LinAlgError("did not converge")
        return original(matrices)

    monkeypatch.setattr(torch.linalg, "eigvalsh", failing)
    ours = scores_of(model, rows, tmp_path, Spectral())
    assert seen == [3, 1, 1, 1, 1]
    assert ours.isnan().tolist() == [False, True, False, False]
    torch.testing.assert_close(ours[[0, 2, 3]], expected[[0, 2, 3]])


def test_a_gradient_of_nothing_has_no_score() -> None:
    assert spectral_entropy(torch.zeros(20), 16).isnan()
