"""Hidden states on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gradsentry.pipeline.head_pass import StatesOnDisk


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_states_come_back_by_mask_index_and_slice(tmp_path: Path, dtype: torch.dtype) -> None:
    states = torch.randn(7, 5).to(dtype)
    path = tmp_path / "hidden"
    path.write_bytes(bytes(7 * 5 * dtype.itemsize))
    written = StatesOnDisk(path, (7, 5 * dtype.itemsize), dtype)
    written.put(np.array([4, 0, 6]), states[[4, 0, 6]])
    written.put(np.array([1, 2, 3, 5]), states[[1, 2, 3, 5]])

    on_disk = StatesOnDisk(path, written.shape, dtype)
    for where in (torch.tensor([5, 5, 0]), torch.arange(7) % 2 == 0, torch.empty(0).long()):
        assert on_disk[where].equal(states[where])
    assert on_disk[:].equal(states)
    assert on_disk[2:4].equal(states[2:4])


def test_what_is_read_is_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "hidden"
    path.write_bytes(bytes(8))
    on_disk = StatesOnDisk(path, (2, 4), torch.float32)
    for where in (torch.tensor([0]), slice(None)):
        on_disk[where].fill_(1.0)
    assert on_disk[:].equal(torch.zeros(2, 1))
