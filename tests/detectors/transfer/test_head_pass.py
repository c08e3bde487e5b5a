"""Hidden states in shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gradsentry.detectors.transfer.head_pass import StatesOnDisk
from gradsentry.work.progress import Silent
from gradsentry.work.shards import digest_name, open_shards


def stored(path: Path, states: torch.Tensor, cuts: list[int]) -> StatesOnDisk:
    """States in shards that are cut at some positions, with other numbers beside them."""
    folder = open_shards(path, "key", len(states), Silent())
    shards = []
    for number, part in enumerate(np.split(np.arange(len(states)), cuts)):
        hidden = states[part].view(torch.uint8).numpy()
        other = np.ones(len(part), np.float32)
        shards.append(folder.write(digest_name(b"%d" % number), len(part), [hidden, other]))
    return StatesOnDisk.of_shards(shards, states.shape[1] * states.itemsize, states.dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_states_come_back_by_mask_index_and_slice(tmp_path: Path, dtype: torch.dtype) -> None:
    states = torch.randn(7, 5).to(dtype)
    on_disk = stored(tmp_path / "shards", states, [1, 4])
    for where in (torch.tensor([5, 5, 0]), torch.arange(7) % 2 == 0, torch.empty(0).long()):
        assert on_disk[where].equal(states[where])
    assert on_disk[:].equal(states)
    assert on_disk[2:4].equal(states[2:4])


def test_what_is_read_is_a_copy(tmp_path: Path) -> None:
    on_disk = stored(tmp_path / "shards", torch.zeros(2, 1), [1])
    for where in (torch.tensor([0]), slice(None)):
        on_disk[where].fill_(1.0)
    assert on_disk[:].equal(torch.zeros(2, 1))


def test_a_file_that_became_shorter_is_told(tmp_path: Path) -> None:
    on_disk = stored(tmp_path / "shards", torch.zeros(2, 1), [1])
    on_disk.shards[-1].path.write_bytes(b"")
    with pytest.raises(OSError, match="became shorter"):
        on_disk[:]
