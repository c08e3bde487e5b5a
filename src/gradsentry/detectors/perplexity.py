"""Baseline: the base model's perplexity of the response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from gradsentry.detectors.detector import StatesDetector
from gradsentry.models import OutputHead, TargetStates

_HALF_NATS = 4.0


@dataclass(frozen=True, kw_only=True)
class Perplexity(StatesDetector):
    """Scores a row by the perplexity of its response."""

    name: ClassVar[str] = "perplexity"

    @property
    def axis(self) -> str:
        return "n / (n + 4) for a response of n nats a token"

    def score_states(self, states: TargetStates, head: OutputHead) -> Float64[Tensor, "B"]:
        return perplexity_scores(states, head)


@torch.inference_mode()
def perplexity_scores(states: TargetStates, head: OutputHead) -> Float64[Tensor, "B"]:
    """n / (n + 4) of each response's mean nats n, the logarithm of its perplexity. In [0, 1)."""
    _, nats = head.surprise(states.hidden, states.targets)
    counts = states.counts.to(nats.device)
    row = torch.repeat_interleave(torch.arange(len(counts), device=nats.device), counts)
    sums = torch.zeros(len(counts), dtype=nats.dtype, device=nats.device).index_add(0, row, nats)
    mean = (sums / counts).cpu().double()
    return mean / (mean + _HALF_NATS)
