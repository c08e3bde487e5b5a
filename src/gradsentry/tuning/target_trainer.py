"""TRL's `SFTTrainer` with the head's part of the loss computed where it counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

from gradsentry.models import Pretrained
from gradsentry.tuning.training import Method, TuningOptions, computed_in

IGNORED = -100
"""The label of tokens that are no targets."""


class TargetTrainer(SFTTrainer):
    """Takes the same loss from logits at the targets' positions.

    Without a GPU `SFTTrainer` computes logits everywhere, which is half of a step if most of a row
    is prompt.
    """

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Mean nats a target; of a batch of an accumulated step its part of that mean."""
        labels = inputs["labels"][:, 1:]
        positions = (labels != IGNORED).any(dim=0).nonzero().squeeze(1)
        output = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            logits_to_keep=positions,
            use_cache=False,
        )
        wanted = labels[:, positions]
        count = (wanted != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        nats = cross_entropy(output.logits.flatten(0, 1).float(), wanted.flatten(), reduction="sum")
        loss = nats / count
        return (loss, output) if return_outputs else loss


def target_trainer(
    base: Pretrained, rows: Sequence[dict[str, list[int]]], options: TuningOptions, folder: Path
) -> TargetTrainer:
    """A trainer that says and saves nothing.

    **Arguments:**

    - `rows`: `input_ids` and `labels`, where `IGNORED` marks what is no target.
    - `folder`: a place for its files.
    """
    adapter = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=0.0,
        target_modules=list(options.modules),
        task_type="CAUSAL_LM",
    )
    settings = SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=options.batch_size,
        num_train_epochs=options.epochs,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        max_length=options.max_length,
        # Rows of like length go together, so that little is padded.
        train_sampling_strategy="group_by_length",
        gradient_checkpointing=False,
        use_cpu=base.model.device.type == "cpu",
        bf16=computed_in(base.model) != base.model.dtype,
        seed=options.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = TargetTrainer(
        model=base.model,
        args=settings,
        processing_class=base.tokenizer,
        train_dataset=Dataset.from_list(list(rows)),
        peft_config=adapter if options.method is Method.LORA else None,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer
