"""Simple baselines: what a detector must beat to be worth its cost. Higher is more suspicious."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.models import OutputHead, TargetStates

_HALF_LENGTH, _HALF_NATS = 16, 4.0
_STRING_WORDS = 6


def length_scores(target_tokens: NDArray[np.integer]) -> NDArray[np.float64]:
    """T / (T + 16) for rows of T targets, in (0, 1). Shape (rows,).

    The paper's score can't exceed log min(T, 16) / log 16.
    """
    counts = target_tokens.astype(np.float64)
    scores: NDArray[np.float64] = counts / (counts + _HALF_LENGTH)
    return scores


@torch.inference_mode()
def perplexity_scores(states: TargetStates, head: OutputHead) -> Tensor:
    """n / (n + 4) of each response's mean nats n, the logarithm of its perplexity. In [0, 1).

    Shape (B,), float64.
    """
    _, nats = head.surprise(states.hidden, states.targets)
    counts = states.counts.to(nats.device)
    row = torch.repeat_interleave(torch.arange(len(counts), device=nats.device), counts)
    sums = torch.zeros(len(counts), dtype=nats.dtype, device=nats.device).index_add(0, row, nats)
    mean = (sums / counts).cpu().double()
    return mean / (mean + _HALF_NATS)


def recurrence_scores(
    responses: Sequence[str], copies: Sequence[int] | NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """1 for rows that hold the data's commonest string of six words; needs no model.

    Below, half the share that a row's own commonest string has of that one's rows. Shape (rows,).

    **Arguments:**

    - `copies`: how often each response occurs; once, if not given.
    """
    strings = [_strings(response) for response in responses]
    counts: Counter[tuple[str, ...]] = Counter()
    times = np.ones(len(strings), np.int64) if copies is None else np.asarray(copies)
    for row, count in zip(strings, times.tolist(), strict=True):
        counts.update(dict.fromkeys(row, count))
    most = max(counts.values(), default=0)
    if most < 2:
        return np.zeros(len(responses))
    commonest = min(string for string, count in counts.items() if count == most)
    own = np.array([max((counts[string] for string in row), default=0) for row in strings])
    holds = np.array([commonest in row for row in strings])
    scores: NDArray[np.float64] = np.where(holds, 1.0, 0.5 * own / most)
    return scores


def _strings(response: str) -> set[tuple[str, ...]]:
    words = response.split()
    count = len(words) - _STRING_WORDS + 1
    return {tuple(words[start : start + _STRING_WORDS]) for start in range(max(0, count))}
