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
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel

from gradsentry.faults import lacks_memory
from gradsentry.models.packing import Packing, pack

_NAME = "gradsentry-packed"
_KNOWN_LAYERS = {"full_attention", "sliding_attention"}
_NEVER = {"gemma2", "gpt_oss", "gptj"}
"""Kinds of models that the probe refuses: caps, sinks, an attention of their own."""
# What models pass to their attention that changes nothing here.
_HARMLESS = {"dropout", "is_causal", "output_attentions", "position_ids", "use_cache"}
_PROBE_SHARED, _PROBE_OWN = 24, 8


def packed_states(body: nn.Module, packing: Packing) -> Float[Tensor, "L d"]:
    """Final hidden states of a packed batch."""
    with _packed_attention(body):
        output = body(
            input_ids=packing.token_ids,
            position_ids=packing.positions,
            use_cache=False,
            packing=packing,
        )
    states: Tensor = output.last_hidden_state[0]
    return states.to(packing.token_ids.device)  # a split model ends elsewhere than it begins


def _attend(
    _: nn.Module,
    query: Float[Tensor, "1 heads L size"],
    key: Float[Tensor, "1 key_heads L size"],
    value: Float[Tensor, "1 key_heads L value_size"],
    __: Tensor | None,
    *,
    packing: Packing,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **other: Any,
) -> tuple[Float[Tensor, "1 L heads value_size"], None]:
    """Attention of a packed batch, as transformers calls it.

    Keys and values may have fewer heads than queries.

    **Raises:**

    `NotImplementedError` for attention with anything else: caps, sinks, biases.
    """
    unknown = {name for name, value in other.items() if value is not None} - _HARMLESS
    if unknown or other.get("is_causal") is False:
        raise NotImplementedError(f"attention with {', '.join(sorted(unknown)) or 'no order'}")
    packing.windows.append(sliding_window)
    queries, keys, values = (part[0].transpose(0, 1) for part in (query, key, value))
    output = values.new_zeros(*queries.shape[:2], values.shape[-1])
    repeats = queries.shape[1] // keys.shape[1]
    for group in packing.groups:
        mask = group.mask(sliding_window, packing.positions[0], query.dtype)
        seen, held = _rows(keys, group.keys), _rows(values, group.keys)
        if repeats > 1 and query.device.type != "cpu":
            # Others have no fast kernel, or none, for a mask and fewer heads of keys.
            seen, held = (part.repeat_interleave(repeats, dim=1) for part in (seen, held))
        attended = nn.functional.scaled_dot_product_attention(
            _rows(queries, group.queries),
            seen,
            held,
            attn_mask=mask,
            is_causal=mask is None,
            scale=scaling,
            enable_gqa=seen.shape[1] != queries.shape[1],
        )
        outcome = attended.transpose(1, 2).flatten(0, 1)
        output.index_copy_(0, group.places, outcome.index_select(0, group.kept))
    return output.unsqueeze(0), None


AttentionInterface.register(_NAME, _attend)


def _rows(
    tokens: Float[Tensor, "L heads size"], index: Int[Tensor, "B S"]
) -> Float[Tensor, "B heads S size"]:
    """Entries of the sequence, at the places that an index has."""
    chosen: Tensor = tokens.index_select(0, index.flatten()).unflatten(0, index.shape)
    return chosen.transpose(1, 2)


@torch.inference_mode()
def can_share(body: nn.Module) -> bool:
    """Whether a model gives the same states for a packed batch as for its rows one by one.

    It doesn't if it mixes tokens elsewhere than in attention (recurrent and hybrid models), if its
    attention isn't transformers' or has something that is unknown here, or if its positions depend
    on the longest row of a batch. Partly its configuration says so, partly a probe of two rows.

    **Raises:**

    An error of which `lacks_memory` is true, if there is no memory even for the probe.
    """
    if not isinstance(body, PreTrainedModel):
        return False
    config = body.config.get_text_config()
    if not _may_share(config):
        return False
    size = _PROBE_SHARED + 2 * _PROBE_OWN
    tokens = np.linspace(3, config.vocab_size - 1, size).astype(np.int32)
    tokens[::2] = tokens[::2][::-1]
    start, ends = tokens[:_PROBE_SHARED], tokens[_PROBE_SHARED:]
    rows = [np.concatenate((start, end)) for end in (ends[:_PROBE_OWN], ends[_PROBE_OWN:])]
    packing = pack(rows, body.device)
    try:
        together = packed_states(body, packing)
        alone = [
            body(
                input_ids=torch.from_numpy(row.astype(np.int64)).to(body.device).unsqueeze(0),
                use_cache=False,
            ).last_hidden_state[0]
            for row in rows
        ]
    except Exception as error:  # what a model raises that can't do this isn't known
        if lacks_memory(error):
            raise
        return False
    paths = [torch.from_numpy(path).to(body.device) for path in packing.paths]
    return packing.windows == _windows(config) and all(
        _same(together[path], own) for path, own in zip(paths, alone, strict=True)
    )


def may_share(config: PreTrainedConfig) -> bool:
    """Whether a configuration says nothing against it, as far as that is known without weights."""
    text = config.get_text_config()
    return (
        _may_share(text)
        and text.model_type not in _NEVER
        and getattr(text, "num_attention_heads", None) is not None
    )


def _may_share(config: PreTrainedConfig) -> bool:
    return _layers_are_known(config) and not _positions_depend_on_length(config)


def _layers_are_known(config: PreTrainedConfig) -> bool:
    return set(getattr(config, "layer_types", None) or ()) <= _KNOWN_LAYERS


def _positions_depend_on_length(config: PreTrainedConfig) -> bool:
    """Whether rotary positions are scaled by the longest row that is computed at once."""
    found = getattr(config, "rope_parameters", None) or {}
    each = [found, *(part for part in found.values() if isinstance(part, dict))]
    types = [str(part.get("rope_type", "")) for part in each]
    return any("dynamic" in name or name == "longrope" for name in types)


def _windows(config: PreTrainedConfig) -> list[int | None]:
    """The sliding windows that a model's layers should ask their attention for."""
    window = getattr(config, "sliding_window", None)
    types = getattr(config, "layer_types", None) or [None] * config.num_hidden_layers
    return [None if kind == "full_attention" else window for kind in types]


def _same(one: Tensor, other: Tensor) -> bool:
    eps = torch.finfo(one.dtype).eps
    one, other = one.cpu().double(), other.cpu().double()  # some devices have no float64
    return float((one - other).norm() / other.norm()) < 8 * eps


@contextmanager
def _packed_attention(body: nn.Module) -> Iterator[None]:
    """Our attention in all parts of a model, and then its own again."""
    configs = [module.config for module in body.modules() if isinstance(module, PreTrainedModel)]
    configs += [config.get_text_config() for config in configs]
    own = [(config, config._attn_implementation) for config in configs]
    try:
        for config in configs:
            config._attn_implementation = _NAME
        yield
    finally:
        # In this order, since a configuration passes its own on to those of its parts.
        for config, name in own:
            config._attn_implementation = name
