"""CleanGen (Li et al., 2024, arXiv 2406.12257): decoding checked by a model that wasn't tuned.

A token is suspicious if the tuned model finds it at least α times as probable as the reference
does. Then the reference's likeliest token is taken instead. Here each token is checked as it comes;
the published code checks four tokens at once. The token that ends an answer is never suspicious, as
in the published code.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import DynamicCache, LogitsProcessor, PreTrainedModel

SUSPICIOUS = 20.0
"""The published α."""


class CleanGen(LogitsProcessor):
    """Checks a batch's next tokens with a reference model that has the same vocabulary."""

    def __init__(
        self,
        reference: PreTrainedModel,
        end: int,
        attention_mask: Tensor,
        alpha: float = SUSPICIOUS,
    ) -> None:
        """Begin a batch of prompts.

        **Arguments:**

        - `end`: the token that ends an answer.
        - `attention_mask`: of the prompts, which are padded on the left, shape (B, L).
        """
        self._reference, self._end = reference, end
        self._mask, self._alpha = attention_mask, alpha
        self._seen, self._cache = 0, DynamicCache()

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores of the next token, shape (B, V): the reference's where the token is suspicious."""
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
