"""Rows as points: the state that they take."""

from __future__ import annotations

import torch

from gradsentry.detectors.points import last_hidden
from gradsentry.models import TargetStates


def test_a_row_is_the_state_before_its_last_target() -> None:
    hidden = torch.arange(12.0).reshape(6, 2)
    states = TargetStates(hidden, torch.zeros(6, dtype=torch.long), torch.tensor([1, 3, 2]))
    assert last_hidden(states).tolist() == [[0, 1], [6, 7], [10, 11]]
