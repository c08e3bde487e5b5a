"""The forward pass: from encoded rows to the hidden states that enter the output head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradsentry.encoding import TargetMask, TokenIds
from gradsentry.errors import ModelError
from gradsentry.models.language_model import LanguageModel


@dataclass(frozen=True)
class TargetStates:
    """What the output head sees of a batch: one entry per target token, rows one after the other.

    B rows with T₁ … T_B targets make N = ΣT entries; nothing is padded.
    """

    hidden: Tensor
    """Shape (N, d): the final hidden state at the position before each target."""
    targets: Tensor
    """Shape (N,): the target token ids."""
    counts: Tensor
    """Shape (B,), on the CPU: targets a row."""


@torch.inference_mode()
def target_states(
    model: LanguageModel, encoded: Sequence[tuple[TokenIds, TargetMask]]
) -> TargetStates:
    """Run the model's body over a batch of encoded rows, padded on the right.

    **Arguments:**

    - `encoded`: token ids and target mask of each row.

    No attention mask is needed: attention is causal, so padding behind a row's end can't reach
    the row, and positions count from the row's start.
    """
    longest = max(len(ids) for ids, _ in encoded)
    token_ids = np.zeros((len(encoded), longest), dtype=np.int64)
    mask = np.zeros((len(encoded), longest), dtype=np.bool_)
    for position, (ids, target_mask) in enumerate(encoded):
        token_ids[position, : len(ids)] = ids
        mask[position, : len(ids)] = target_mask
    ids_tensor = torch.from_numpy(token_ids).to(model.device)
    hidden = model.body(input_ids=ids_tensor, use_cache=False).last_hidden_state
    is_target = torch.from_numpy(mask).to(model.device)
    return TargetStates(
        hidden[:, :-1][is_target[:, 1:]],
        ids_tensor[is_target],
        torch.from_numpy(mask.sum(axis=1)),
    )


@contextmanager
def enough_memory(model: LanguageModel, rows: int) -> Iterator[None]:
    """Say what to do if a batch of so many rows is too large for the device.

    **Raises:**

    `ModelError` then.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise ModelError(
            f"{model.device} has too little memory for a batch of {rows} rows.",
            "Use a smaller --batch-tokens or --max-length, or a smaller model.",
        ) from None
