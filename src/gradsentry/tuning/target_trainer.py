"""TRL's `SFTTrainer` with the head's part of the loss computed where it counts."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy
from trl import SFTTrainer  # type: ignore[attr-defined]

IGNORED = -100
"""The label of tokens that are no targets."""


class TargetTrainer(SFTTrainer):
    """Takes the same loss from logits at the targets' positions.

    Without a GPU `SFTTrainer` computes logits everywhere, which is half of a step if most of a row
    is prompt.
    """

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Mean nats a target; of a batch of an accumulated step its part of that mean."""
        labels = inputs["labels"][:, 1:]
        positions = (labels != IGNORED).any(dim=0).nonzero().squeeze(1)
        output = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            logits_to_keep=positions,
            use_cache=False,
        )
        wanted = labels[:, positions]
        count = (wanted != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        nats = cross_entropy(output.logits.flatten(0, 1).float(), wanted.flatten(), reduction="sum")
        loss = nats / count
        return (loss, output) if return_outputs else loss
