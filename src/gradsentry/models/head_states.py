"""The forward pass: from encoded rows to the hidden states that enter the output head."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gradsentry.encoding import EncodedBatch, EncodedRow
from gradsentry.faults import lacks_memory
from gradsentry.models.batches import Batching
from gradsentry.models.language_model import LanguageModel
from gradsentry.models.memory import give_back_freed_memory
from gradsentry.models.model_faults import enough_memory
from gradsentry.models.packing import pack
from gradsentry.models.shared_prefixes import packed_states

_TIDY_AFTER = 16
"""Batches after which freed memory is given back: in pieces between others it only grows."""


@dataclass(frozen=True, eq=False)
class TargetStates:
    """What the output head sees of a batch: one entry per target token, rows one after the other.

    B rows with T₁ … T_B targets make N = ΣT entries; nothing is padded.
    """

    hidden: Float[Tensor, "N d"]
    """The final hidden state at the position before each target."""
    targets: Int[Tensor, "N"]
    """The target token ids."""
    counts: Int[Tensor, "B"]
    """Targets a row, on the CPU."""

    @staticmethod
    def joined(parts: Sequence[TargetStates]) -> TargetStates:
        """The states of several batches as those of one."""
        if len(parts) == 1:
            return parts[0]
        return TargetStates(
            torch.cat([part.hidden for part in parts]),
            torch.cat([part.targets for part in parts]),
            torch.cat([part.counts for part in parts]),
        )


@torch.inference_mode()
def target_states(model: LanguageModel, encoded: EncodedBatch) -> TargetStates:
    """Run the model's body over a batch of encoded rows.

    Prefixes that a row shares with the row before it are computed once, if the model can.

    **Arguments:**

    - `encoded`: token ids and target mask of each row.
    """
    counts = torch.tensor([int(mask.sum()) for _, mask in encoded])
    if not model.shares_prefixes:
        return _of_padded(model, encoded, counts)
    packing = pack([ids for ids, _ in encoded], model.device)
    before = np.concatenate(
        [
            path[np.flatnonzero(mask) - 1]
            for path, (_, mask) in zip(packing.paths, encoded, strict=True)
        ]
    )
    targets = np.concatenate([ids[mask] for ids, mask in encoded]).astype(np.int64)
    return TargetStates(
        packed_states(model.body, packing)[torch.from_numpy(before).to(model.device)],
        torch.from_numpy(targets).to(model.device),
        counts,
    )


def _of_padded(
    model: LanguageModel, encoded: EncodedBatch, counts: Int[Tensor, "B"]
) -> TargetStates:
    """States of rows padded on the right.

    No attention mask is needed: attention is causal, so padding behind a row's end can't reach
    the row, and positions count from the row's start.
    """
    token_ids, is_target = padded_batch(encoded, model.device)
    hidden = model.body(input_ids=token_ids, use_cache=False).last_hidden_state.to(model.device)
    return TargetStates(hidden[:, :-1][is_target[:, 1:]], token_ids[is_target], counts)


def padded_batch(
    encoded: EncodedBatch, device: torch.device
) -> tuple[Int[Tensor, "B L"], Bool[Tensor, "B L"]]:
    """Token ids and target mask of rows, padded on the right."""
    longest = max(len(ids) for ids, _ in encoded)
    token_ids = np.zeros((len(encoded), longest), dtype=np.int64)
    mask = np.zeros((len(encoded), longest), dtype=np.bool_)
    for position, (ids, target_mask) in enumerate(encoded):
        token_ids[position, : len(ids)] = ids
        mask[position, : len(ids)] = target_mask
    return torch.from_numpy(token_ids).to(device), torch.from_numpy(mask).to(device)


class HeadStates(Protocol):
    """Where the head states of rows come from."""

    def of(self, rows: EncodedBatch) -> TargetStates:
        """Head states of encoded rows, in their order.

        **Raises:**

        `ModelError` if they are too many for the device's memory.
        """
        ...


class ForwardPass:
    """Computes head states when they are asked for.

    A batch that is too large for the device's memory is halved, and all later ones with it.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._pieces = 1
        self._batches = 0

    def of(self, rows: EncodedBatch) -> TargetStates:
        self._batches += 1
        if self._batches % _TIDY_AFTER == 0:
            give_back_freed_memory()
        while self._pieces < len(rows):
            try:
                return self._in_pieces(rows, self._pieces)
            except (MemoryError, RuntimeError) as error:
                if not lacks_memory(error):
                    raise
                self._pieces *= 2
        with enough_for_batch(self._model, 1):
            return self._in_pieces(rows, len(rows))

    def _in_pieces(self, rows: EncodedBatch, pieces: int) -> TargetStates:
        return TargetStates.joined(
            [
                target_states(self._model, [rows[place] for place in piece])
                for piece in np.array_split(np.arange(len(rows)), pieces)
            ]
        )


def target_nats(
    model: LanguageModel, rows: Sequence[EncodedRow], batching: Batching
) -> list[Tensor]:
    """Nats of each row's targets, for rows in memory: shapes (targets,), on the CPU.

    **Raises:**

    `ModelError` if a batch is too large for the device's memory.
    """
    found = [torch.empty(0)] * len(rows)
    for batch in batching.of_rows([row.token_ids for row in rows]):
        with enough_for_batch(model, len(batch)):
            states = target_states(
                model, [(rows[row].token_ids, rows[row].target_mask) for row in batch]
            )
            _, nats = model.head.surprise(states.hidden, states.targets)
        for row, own in zip(batch, nats.cpu().split(states.counts.tolist()), strict=True):
            found[row] = own
    return found


def enough_for_batch(model: LanguageModel, rows: int) -> AbstractContextManager[None]:
    """Say what to do if a batch of so many rows is too large; errors as in `enough_memory`."""
    return enough_memory(
        f"{model.device} has too little memory for a batch of {rows} rows",
        "Use a smaller `batch_tokens` or `max_length`, or a smaller model.",
    )
