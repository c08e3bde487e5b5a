"""TRL's `SFTTrainer`, with logits computed only for the tokens that are trained on."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PrinterCallback
from transformers.training_args import OptimizerNames
from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

from gradsentry.encoding import EncodedRow
from gradsentry.errors import ModelError, OptionError
from gradsentry.models import Dtype, Pretrained, resolve_dtype
from gradsentry.tuning.tuning_options import Method, TuningOptions

_IGNORED = -100
"""The label of tokens that aren't trained on."""


class TargetTrainer(SFTTrainer):
    """Computes the same loss as `SFTTrainer` from fewer logits, and sends no telemetry.

    Without a GPU `SFTTrainer` computes logits at all positions. If most of a row is prompt, this
    takes half of a step's time.
    """

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Mean cross-entropy in nats per target, or a batch's share if steps are accumulated."""
        labels = inputs["labels"][:, 1:]
        positions = (labels != _IGNORED).any(dim=0).nonzero().squeeze(1)
        output = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            logits_to_keep=positions,
            use_cache=False,
        )
        wanted = labels[:, positions]
        count = (wanted != _IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        nats = cross_entropy(output.logits.flatten(0, 1).float(), wanted.flatten(), reduction="sum")
        loss = nats / count
        if getattr(output, "aux_loss", None) is not None:  # of a mixture of experts' router
            loss = loss + model.config.get_text_config().router_aux_loss_coef * output.aux_loss
        return (loss, output) if return_outputs else loss

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights, or the adapter's.

        Checkpoints have the weights' names in memory, since `transformers` loads them by these.
        """
        model: Any = self.model
        folder = str(output_dir or self.args.output_dir)
        if isinstance(model, PeftModel):
            # By default PEFT asks the Hub whether the base model's vocabulary has grown.
            model.save_pretrained(folder, save_embedding_layers=False)
        else:
            model.save_pretrained(folder, save_original_format=not _internal_call)

    def _send_telemetry(self) -> None:
        """Do nothing: TRL's method reports to the Hub."""


def make_trainer(
    base: Pretrained, rows: Sequence[EncodedRow], options: TuningOptions, folder: Path
) -> TargetTrainer:
    """A trainer that prints nothing.

    **Arguments:**

    - `folder`: for checkpoints, one after each tenth of the run, if the disk has room for two; only
        the last is kept.

    **Raises:**

    `ModelError` if the model lacks the matrices that LoRA should adapt; `OptionError` if there are
    several GPUs.
    """
    device = base.model.device
    if torch.cuda.device_count() > 1 and device.type == "cuda":
        raise OptionError("Fine-tuning takes one GPU.", "Set CUDA_VISIBLE_DEVICES to one of them.")
    in_bfloat16 = resolve_dtype(Dtype.AUTO, device) == torch.bfloat16
    settings = SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=options.batch_size,
        num_train_epochs=options.epochs,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        optim=options.optimizer,
        max_length=options.max_length,
        gradient_checkpointing=device.type == "cuda",  # GPUs are short of memory rather than time
        use_cpu=device.type == "cpu",
        bf16=in_bfloat16 and base.model.dtype == torch.float32,
        seed=options.seed,
        save_strategy="steps" if _has_room(folder, base, options) else "no",
        save_steps=0.1,
        save_total_limit=1,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    try:
        trainer = TargetTrainer(
            model=base.model,
            args=settings,
            processing_class=base.tokenizer,
            train_dataset=Dataset.from_list([_add_labels(row) for row in rows]),
            peft_config=_make_adapter(options) if options.method is Method.LORA else None,
        )
    except ValueError as error:
        # PEFT raises this if the model lacks the matrices. It may also be about the tokenizer.
        matrices = " Name the matrices that it has in `modules`."
        raise ModelError(
            f"{base.name} can't be trained so ({str(error).splitlines()[0]}).",
            "Take another model." + (matrices if options.method is Method.LORA else ""),
        ) from None
    trainer.remove_callback(PrinterCallback)
    return trainer


def _has_room(folder: Path, base: Pretrained, options: TuningOptions) -> bool:
    """Whether the disk has room for two checkpoints, with the optimizer's state."""
    if options.method is Method.LORA:
        return True
    folder.mkdir(parents=True, exist_ok=True)
    moments = 0 if options.optimizer == OptimizerNames.ADAFACTOR else 2  # at most
    size = (1 + moments) * base.model.dtype.itemsize * base.model.num_parameters()
    return 2 * size < shutil.disk_usage(folder).free


def _add_labels(row: EncodedRow) -> dict[str, list[int]]:
    labels = np.where(row.target_mask, row.token_ids, _IGNORED)
    return {"input_ids": row.token_ids.tolist(), "labels": labels.tolist()}


def _make_adapter(options: TuningOptions) -> LoraConfig:
    return LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=0.0,
        target_modules=list(options.modules),
        task_type="CAUSAL_LM",
    )
