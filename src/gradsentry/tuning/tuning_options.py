"""How a model is fine-tuned."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, fields
from enum import StrEnum

from transformers.training_args import OptimizerNames

from gradsentry._option_checks import Seed, check_options
from gradsentry.errors import OptionError
from gradsentry.models import Dtype


class Method(StrEnum):
    """Which weights are trained."""

    LORA = "lora"
    """Low-rank adapters of some matrices."""
    FULL = "full"
    """All weights."""


@dataclass(frozen=True, kw_only=True)
class TuningOptions:
    """How a model is fine-tuned. Rank, alpha and batch size are the paper's; its learning rate and
    epochs (2e-5, three) are meant for 7B parameters."""

    method: Method = Method.LORA
    learning_rate: float = 1e-3
    epochs: int = 1
    batch_size: int = 4
    rank: int = 4
    alpha: int = 8
    modules: tuple[str, ...] = ("q_proj", "v_proj")
    """The matrices that LoRA adapts."""
    dtype: Dtype = Dtype.AUTO
    """Precision in which the weights are loaded; `auto` is float32 where all are trained, else what
    is fast on the device. Adapters are float32. Matrix products of float32 weights are computed in
    bfloat16 on devices that are fast in it."""
    optimizer: str = "adamw_torch"
    """As `transformers.TrainingArguments` names it; `adafactor` needs the least memory."""
    max_length: int = 1024
    """Tokens that a row may have; the rest is cut off."""
    seed: Seed = 0
    """Decides LoRA's initial weights and the order of the rows."""

    def __post_init__(self) -> None:
        rate: object = self.learning_rate
        if isinstance(rate, bool) or not isinstance(rate, float | int) or not 0 < rate < 1:
            raise OptionError(
                f"learning_rate can't be {reprlib.repr(rate)}.",
                "Give a number below 1, such as 1.0e-4; YAML takes 1e-4 for a text.",
            )
        check_options(self, names={field.name: field.name for field in fields(self)})
        if self.optimizer not in list(OptimizerNames):
            raise OptionError(
                f"optimizer can't be {reprlib.repr(self.optimizer)}.",
                "Name one of transformers.TrainingArguments, such as adamw_torch or adafactor.",
            )
        for name in ("epochs", "batch_size", "rank", "alpha", "max_length"):
            value = getattr(self, name)
            if value < 1:
                raise OptionError(f"{name} can't be {value}.", "Give a number of at least 1.")
