"""A row as token ids with a target mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TokenIds = NDArray[np.int32]
TargetMask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedRow:
    """What a trainer would see of a row."""

    token_ids: TokenIds
    """Shape (length,)."""
    target_mask: TargetMask
    """Shape (length,): true where the token is a target. Never true at position 0, which no
    token predicts."""
    truncated: bool
    """Whether tokens were cut off by the maximum length."""
    control_tokens: bool
    """Whether the row's own text spells one of the tokenizer's special tokens."""
    thoughts_dropped: bool = False
    """Whether the chat template leaves out thoughts of earlier turns, which then don't train."""


def target_runs(mask: TargetMask) -> list[int]:
    """The lengths of the stretches of neighbouring targets in a row; `mask` has shape (tokens,)."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    lengths: list[int] = (edges[1::2] - edges[::2]).tolist()
    return lengths
