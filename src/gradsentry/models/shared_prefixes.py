"""Running a model over a packed batch: attention along each row's path, and whether that is right.

transformers lets a model's attention be replaced by a function of queries, keys and values
(`AttentionInterface`). Ours is in place for the time of one forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel

from gradsentry.models.packing import Packing, pack

_NAME = "gradsentry-packed"
_KNOWN_LAYERS = {"full_attention", "sliding_attention"}
_LONGEST_PROBE = 2048


def packed_states(body: nn.Module, packing: Packing) -> Tensor:
    """Final hidden states of a packed batch: shape (L, d)."""
    with _attention_of(body, _NAME):
        output = body(
            input_ids=packing.token_ids,
            position_ids=packing.positions,
            use_cache=False,
            packing=packing,
        )
    states: Tensor = output.last_hidden_state[0]
    return states


def _attend(
    _: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    __: Tensor | None,
    *,
    packing: Packing,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **___: Any,
) -> tuple[Tensor, None]:
    """Attention of a packed batch, as transformers calls it.

    What else a model passes (caps, sinks, biases) changes its output, and `can_share` sees that.

    **Arguments:**

    - `query`: shape (1, heads, L, head size); keys and values may have fewer heads.

    Shape of the result (1, L, heads, head size).
    """
    queries, keys, values = (part[0].transpose(0, 1) for part in (query, key, value))
    output = torch.empty_like(queries, memory_format=torch.contiguous_format)
    if values.shape[-1] != queries.shape[-1]:
        output = output.new_empty(*queries.shape[:2], values.shape[-1])
    for group in packing.groups:
        mask = group.mask(sliding_window, query.dtype)
        attended = nn.functional.scaled_dot_product_attention(
            _rows(queries, group.queries),
            _rows(keys, group.keys),
            _rows(values, group.keys),
            attn_mask=mask,
            is_causal=mask is None,
            scale=scaling,
            enable_gqa=keys.shape[1] != queries.shape[1],
        )
        outcome = attended.transpose(1, 2).flatten(0, 1)
        output.index_copy_(0, group.places, outcome.index_select(0, group.kept))
    return output.unsqueeze(0), None


AttentionInterface.register(_NAME, _attend)


def _rows(tokens: Tensor, index: Tensor) -> Tensor:
    """Entries of the sequence (L, heads, size) as (B, heads, S, size)."""
    chosen: Tensor = tokens.index_select(0, index.flatten()).unflatten(0, index.shape)
    return chosen.transpose(1, 2)


@torch.inference_mode()
def can_share(body: nn.Module) -> bool:
    """Whether a model gives the same states for a packed batch as for its rows one by one.

    It doesn't if it mixes tokens elsewhere than in attention (recurrent and hybrid models), or if
    its attention has something that is unknown here. Found out on a probe of two rows that
    outgrows a sliding window.
    """
    if not isinstance(body, PreTrainedModel):
        return False
    config = body.config.get_text_config()
    window = getattr(config, "sliding_window", None) or 0
    longest = min(
        getattr(config, "max_position_embeddings", None) or _LONGEST_PROBE, _LONGEST_PROBE
    )
    if not set(getattr(config, "layer_types", None) or ()) <= _KNOWN_LAYERS:
        return False
    # Without its window a model's states differ little, except far behind it.
    shared = far if 0 < (far := 3 * window // 2) <= longest - 16 else 16
    vocabulary = config.vocab_size
    tokens = np.linspace(3, vocabulary - 1, shared + 24).astype(np.int32)
    tokens[::2] = tokens[::2][::-1]
    rows = [tokens[: shared + 8], np.concatenate((tokens[:shared], tokens[shared + 8 :]))]
    try:
        packing = pack(rows, body.device)
        together = packed_states(body, packing)
        for row, path in zip(rows, packing.paths, strict=True):
            ids = torch.from_numpy(row.astype(np.int64)).to(body.device).unsqueeze(0)
            alone = body(input_ids=ids, use_cache=False).last_hidden_state[0]
            own = torch.from_numpy(path[shared:]).to(body.device)
            if not _same(together[own], alone[shared:]):
                return False
    except Exception:  # what a model raises that can't do this isn't known
        return False
    return True


def _same(one: Tensor, other: Tensor) -> bool:
    distance = (one.double() - other.double()).norm() / other.double().norm()
    return float(distance) < 8 * torch.finfo(one.dtype).eps


@contextmanager
def _attention_of(body: nn.Module, name: str) -> Iterator[None]:
    assert isinstance(body, PreTrainedModel)
    own = body.config._attn_implementation
    body.set_attn_implementation(name)
    try:
        yield
    finally:
        body.set_attn_implementation(own)
