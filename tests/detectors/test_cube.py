"""What lies outside the largest dense cluster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gradsentry.detectors.cube import cube_scores
from gradsentry.errors import InputError
from tests.detectors.points_of import planted

pytestmark = pytest.mark.slow  # numba compiles


def test_what_lies_outside_the_largest_cluster_is_above_one_half() -> None:
    points = planted(rows=600, poisoned=150)
    scores = cube_scores(points, seed=0)
    assert (scores[:150] > 0.5).all()
    assert (scores[150:] > 0.5).mean() < 0.1
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (cube_scores(points, seed=0) == scores).all()


@pytest.mark.parametrize("rows", [3, 10, 30])
def test_cube_takes_few_rows(rows: int) -> None:
    assert np.isfinite(cube_scores(planted(rows, 1), seed=0)).all()


def test_cube_follows_no_settings_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".numba_config.yaml").write_text("cache_dir: cache\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"\.numba_config\.yaml"):
        cube_scores(planted(), seed=0)


def test_torch_keeps_its_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        cube_scores(planted(30, 1), seed=0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
