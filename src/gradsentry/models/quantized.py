"""Weights in 8 or 4 bits: the linear layers of a model's body, as bitsandbytes stores them.

The output head stays as it is. Scores are computed from its weight and the states that enter it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from gradsentry.errors import ModelError
from gradsentry.models.model_options import Quantize

_BLOCK = 64
"""Numbers with one scale in NF4; bitsandbytes' processor kernels need whole blocks a row."""
_OUTLIER = 6.0
"""Columns with states from here on are multiplied in 16 bits: this is what makes it LLM.int8.
transformers has the same."""
_LEAST_SHARE = 0.5
"""Of the body's weights that must be in linear layers: else nothing is gained, and scores move."""


def quantize_body(model: PreTrainedModel, quantize: Quantize, device: torch.device) -> None:
    """Replace the linear layers of a model's body by quantized ones on a device, one by one.

    **Raises:**

    `ModelError` without bitsandbytes, or if the model keeps most of its weights in another way.
    """
    if quantize is Quantize.NONE:
        return
    make = _layer_maker(quantize)
    body = model.base_model
    head = model.get_output_embeddings()
    places = [
        (parent, name, layer)
        for parent in body.modules()
        for name, layer in parent.named_children()
        if type(layer) is nn.Linear and layer is not head and _fits(layer, quantize)
    ]
    _check_share(model, body, [layer for _, _, layer in places])
    for parent, name, layer in places:
        setattr(parent, name, make(layer).to(device))


def _fits(layer: nn.Linear, quantize: Quantize) -> bool:
    return quantize is Quantize.EIGHT_BITS or layer.in_features % _BLOCK == 0


def _check_share(model: PreTrainedModel, body: nn.Module, layers: list[nn.Linear]) -> None:
    """Refuse a model that would hardly become smaller, such as one whose experts are one tensor."""
    embeddings = {id(table.weight) for table in body.modules() if isinstance(table, nn.Embedding)}
    all_weights = sum(each.numel() for each in body.parameters() if id(each) not in embeddings)
    if sum(layer.weight.numel() for layer in layers) < _LEAST_SHARE * all_weights:
        raise ModelError(
            f"A {type(model).__name__} has most of its weights elsewhere than in linear layers, "
            "so that `quantize` gains nothing.",
            "Leave out `quantize`, or use another model.",
        )


def _layer_maker(quantize: Quantize) -> Callable[[nn.Linear], nn.Module]:
    """What makes a quantized layer, not yet on its device, of a linear one."""
    try:
        bnb: Any = import_module("bitsandbytes")  # its types leave out what it exports
    except ImportError:
        raise ModelError(
            f"`quantize` {quantize} needs the package bitsandbytes.",
            "Install it with: pip install 'gradsentry[quantized]'.",
        ) from None

    # It says for every product that 8-bit layers take their inputs in 16 bits.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

    def eight(layer: nn.Linear) -> nn.Module:
        made: Any = bnb.nn.Linear8bitLt(
            *_sizes(layer),
            bias=layer.bias is not None,
            has_fp16_weights=False,
            threshold=_OUTLIER,
            device="meta",
        )
        made.weight = bnb.nn.Int8Params(
            layer.weight.data, requires_grad=False, has_fp16_weights=False
        )
        made.bias = layer.bias
        return made  # type: ignore[no-any-return]

    def four(layer: nn.Linear) -> nn.Module:
        made: Any = bnb.nn.Linear4bit(
            *_sizes(layer),
            bias=layer.bias is not None,
            compute_dtype=layer.weight.dtype,
            quant_type="nf4",
            device="meta",
        )
        made.weight = bnb.nn.Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4")
        made.bias = layer.bias
        return made  # type: ignore[no-any-return]

    return eight if quantize is Quantize.EIGHT_BITS else four


def _sizes(layer: nn.Linear) -> tuple[int, int]:
    return layer.in_features, layer.out_features
