"""Baselines on representations: the state they take, outliers, and clusters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gradsentry.detectors.representations import (
    activation_cluster_scores,
    cube_scores,
    last_hidden,
    spectral_signature_scores,
)
from gradsentry.errors import InputError
from gradsentry.models import TargetStates


def planted(rows: int = 200, poisoned: int = 20) -> np.ndarray:
    """Points with a shifted group."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(rows, 30))
    points[:poisoned] += 3.0
    return points


def test_a_row_is_the_state_before_its_last_target() -> None:
    hidden = torch.arange(12.0).reshape(6, 2)
    states = TargetStates(hidden, torch.zeros(6, dtype=torch.long), torch.tensor([1, 3, 2]))
    assert last_hidden(states).tolist() == [[0, 1], [6, 7], [10, 11]]


@pytest.mark.parametrize("ratio", [0.1, 0.2])
def test_spectral_signatures_remove_one_and_a_half_times_the_expected_ratio(ratio: float) -> None:
    scores = spectral_signature_scores(planted(), ratio)
    assert (scores > 0.5).sum() == round(1.5 * ratio * 200)
    assert (scores[:20] > 0.5).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_smaller_cluster_is_above_one_half() -> None:
    scores = activation_cluster_scores(planted(), seed=0)
    assert (scores[:20] > 0.5).all()
    assert (scores[20:] < 0.5).all()


@pytest.mark.slow
def test_what_lies_outside_the_largest_cluster_is_above_one_half() -> None:
    points = planted(rows=600, poisoned=150)
    scores = cube_scores(points, seed=0)
    assert (scores[:150] > 0.5).all()
    assert (scores[150:] > 0.5).mean() < 0.1
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (cube_scores(points, seed=0) == scores).all()


@pytest.mark.slow
@pytest.mark.parametrize("rows", [3, 10, 30])
def test_cube_takes_few_rows(rows: int) -> None:
    assert np.isfinite(cube_scores(planted(rows, 1), seed=0)).all()


def test_points_that_are_all_the_same_are_no_error() -> None:
    same = np.ones((10, 4))
    assert np.isfinite(spectral_signature_scores(same, 0.1)).all()


@pytest.mark.slow
def test_cube_follows_no_settings_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".numba_config.yaml").write_text("cache_dir: cache\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"\.numba_config\.yaml"):
        cube_scores(planted(), seed=0)
