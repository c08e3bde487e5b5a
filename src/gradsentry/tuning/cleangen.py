"""CleanGen (Li et al., 2024, arXiv 2406.12257): decoding held against a model that wasn't tuned.

A token that the tuned model finds at least α times as probable as a reference does is suspicious;
the reference's own choice takes its place. Here each token is looked at by itself; the published
code lets the tuned model go four tokens ahead and then looks at them. The end of an answer is never
suspicious, as there, where nothing is looked at once it has come.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import DynamicCache, LogitsProcessor, PreTrainedModel

SUSPICIOUS = 20.0
"""The published α."""


class CleanGen(LogitsProcessor):
    """Holds one batch's next tokens against a reference model of the same vocabulary."""

    def __init__(
        self,
        reference: PreTrainedModel,
        end: int,
        attention_mask: Tensor,
        alpha: float = SUSPICIOUS,
    ) -> None:
        """Begin with the mask of the prompts, shape (B, L), which are padded on the left.

        **Arguments:**

        - `end`: the token that ends an answer.
        """
        self._reference, self._end = reference, end
        self._mask, self._alpha = attention_mask, alpha
        self._seen, self._cache = 0, DynamicCache()

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (B, V) of the next token, the reference's where the largest is suspicious."""
        grown = input_ids.shape[1] - self._mask.shape[1]
        self._mask = torch.nn.functional.pad(self._mask, (0, grown), value=1)
        positions = (self._mask.cumsum(1) - 1).clamp_min(0)
        expected = self._reference(
            input_ids=input_ids[:, self._seen :],
            attention_mask=self._mask,
            position_ids=positions[:, self._seen :],
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        self._seen = input_ids.shape[1]
        chosen = scores.argmax(-1, keepdim=True)
        found, usual = (
            each.float().log_softmax(-1).gather(1, chosen) for each in (scores, expected)
        )
        suspicious = (found - usual >= math.log(self._alpha)) & (chosen != self._end)
        return torch.where(suspicious, expected.to(scores), scores)
