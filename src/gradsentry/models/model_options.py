"""How a model is loaded: its precision, its device, its revision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch

from gradsentry._option_checks import check_options
from gradsentry.errors import OptionError
from gradsentry.models.model_faults import reason_of
from gradsentry.models.split_model import SPLIT, gpus_to_split_over


class Dtype(StrEnum):
    """The precision of the model's forward pass. The head's part runs in float32 or better; with 16
    bits only the far part of the softmax comes from them (docs/findings/speed.md)."""

    AUTO = "auto"
    """bfloat16 where the hardware has it, else float32."""
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


class Quantize(StrEnum):
    """How wide the weights of the model's body are in memory. The output head, the embeddings and
    all sums keep the precision of `Dtype`: scores come from the head."""

    NONE = "none"
    EIGHT_BITS = "8bit"
    """bitsandbytes' LLM.int8."""
    FOUR_BITS = "4bit"
    """bitsandbytes' NF4."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """How to load the model."""

    dtype: Dtype = Dtype.AUTO
    """Precision of the forward pass."""
    device: str = "auto"
    """A torch device; auto is the GPU if there is one, and split all GPUs, each with some of the
    layers."""
    quantize: Quantize = Quantize.NONE
    """Width of the weights, for models that don't fit otherwise; it moves scores
    (docs/findings/quantized.md)."""
    revision: str | None = None
    """Branch, tag or commit of a model on the Hub."""

    def __post_init__(self) -> None:
        check_options(self)
        if self.quantize is not Quantize.NONE and self.dtype is Dtype.FLOAT64:
            raise OptionError(
                "`quantize` doesn't go together with `dtype` float64.",
                "Use bfloat16, float16 or float32.",
            )
        if self.quantize is not Quantize.NONE and self.device == SPLIT:
            # Layers are quantized on one GPU, before they would be split over several.
            raise OptionError(
                f"`quantize` doesn't go together with `device` {SPLIT}: quantized layers have to "
                "fit on one GPU.",
                "Use one of the two.",
            )


_DEVICES = "Use cpu, cuda, cuda:1, split or auto."


def resolve_device(name: str) -> torch.device:
    """The device of a name; `auto` is the GPU if there is one, and `split` begins on the first.

    **Raises:**

    `OptionError` if there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == SPLIT:
        return gpus_to_split_over()[0]
    try:
        device = torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(
            f"`device` {name}: there is no such device ({reason_of(error)}).",
            _DEVICES,
        ) from None
    if device.type == "meta":
        raise OptionError("`device` meta computes nothing.", _DEVICES)
    return device


def resolve_dtype(choice: Dtype, device: torch.device) -> torch.dtype:
    """The torch dtype of a choice; `auto` is what the device is fast in."""
    if choice is not Dtype.AUTO:
        return {
            Dtype.BFLOAT16: torch.bfloat16,
            Dtype.FLOAT16: torch.float16,
            Dtype.FLOAT32: torch.float32,
            Dtype.FLOAT64: torch.float64,
        }[choice]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        # Older versions of torch don't tell.
        has: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        # Intel cores since Sapphire Rapids, told by avx512_fp16, take twice as long for AVX-512's
        # bfloat16 as for float32; some virtual machines hide their AMX.
        avx = has.get("avx512_bf16", False) and not has.get("avx512_fp16", False)
        fast = bool(avx or has.get("amx_bf16", False) or has.get("bf16", False))
    else:
        fast = False
    return torch.bfloat16 if fast else torch.float32
