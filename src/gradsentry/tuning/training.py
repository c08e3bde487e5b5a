"""Fine-tuning on prompts and responses, as users do it: with TRL's `SFTTrainer` and PEFT's LoRA."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from gradsentry._choices import choose
from gradsentry.encoding import EncodedRow, Encoder, EncodingOptions
from gradsentry.errors import InputError, ModelError, OptionError
from gradsentry.models import Dtype, Pretrained, resolved_dtype
from gradsentry.records import TextPair


class Method(StrEnum):
    """Which weights are trained."""

    LORA = "lora"
    """Low-rank additions to some matrices."""
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
    """The matrices that LoRA adds to."""
    max_length: int = 1024
    """Tokens of a row; what is behind is cut off."""
    seed: int = 0
    """Draws LoRA's first weights and the order of the rows."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", choose(Method, self.method, "method"))
        if not 0 < self.learning_rate < 1:
            raise OptionError(f"learning_rate {self.learning_rate} is none.", "Such as 1e-4.")
        for name in ("epochs", "batch_size", "rank", "alpha", "max_length"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} must be at least 1.", "Mend the plan.")


class _Report(TrainerCallback):
    """Tells of every step how many rows it took."""

    def __init__(self, rows: int, advance: Callable[[int], None]) -> None:
        self._rows, self._advance, self._done = rows, advance, 0

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        del args, control
        done = round((state.epoch or 0.0) * self._rows)
        self._advance(done - self._done)
        self._done = done


def fine_tune(
    base: Pretrained,
    pairs: Sequence[TextPair],
    options: TuningOptions,
    folder: Path,
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Train a model on the responses to some prompts, and write what `load_pretrained` reads.

    Prompts and responses are tokenised apart, as they are scanned by default and as the tuned model
    is asked. Each row ends in the tokenizer's end-of-sequence token, and only responses count; rows
    without a prompt, or without a response before `max_length`, are left out. A LoRA run starts
    from the weights as they are loaded and writes its adapter; `full` wants float32 weights,
    computes in bfloat16 where the device is fast at it, and writes weights as it computes.

    **Arguments:**

    - `base`: is changed, too.
    - `folder`: must not be there; it appears when all is written.
    - `advance`: told how many rows a step took; every epoch takes all.

    **Raises:**

    `ModelError` if TRL or PEFT aren't installed; `InputError` without rows.
    """
    if not pairs:
        raise InputError("No rows are left to train on.", "Look at what was filtered out.")
    try:
        from gradsentry.tuning.target_trainer import IGNORED, target_trainer
    except ImportError as error:
        raise ModelError(
            f"Fine-tuning needs the package {error.name}.",
            "Install it with: pip install 'gradsentry[finetune]'.",
        ) from None
    encoder = Encoder(base.tokenizer, EncodingOptions(max_length=options.max_length))
    rows = [
        {
            "input_ids": row.token_ids.tolist(),
            "labels": np.where(row.target_mask, row.token_ids, IGNORED).tolist(),
        }
        for row in encoder.encode(list(pairs))
        if isinstance(row, EncodedRow)
    ]
    with tempfile.TemporaryDirectory() as temporary:
        trainer = target_trainer(base, rows, options, Path(temporary))
        trainer.add_callback(_Report(len(pairs), advance))
        trainer.train()
    trained: Any = trainer.model
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    if options.method is Method.LORA:
        # Else PEFT asks the Hub whether the base's vocabulary has grown.
        trained.save_pretrained(part, save_embedding_layers=False)
    else:
        trained.to(computed_in(base.model)).save_pretrained(part)
        base.tokenizer.save_pretrained(part)
    part.replace(folder)


def computed_in(model: PreTrainedModel) -> torch.dtype:
    """The precision of a training's products: of float32 weights what the device is fast in."""
    fast = resolved_dtype(Dtype.AUTO, model.device)
    return fast if model.dtype == torch.float32 else model.dtype
