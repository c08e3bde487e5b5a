"""The loss at targets alone against TRL's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl import SFTConfig, SFTTrainer

from gradsentry.tuning.target_trainer import TargetTrainer
from tests.tiny_models import tiny_model

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("architecture", "count"), [("llama", None), ("llama", 50), ("qwen2-moe", None)]
)
def test_the_loss_is_trls(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path, architecture: str, count: int | None
) -> None:
    rows = [{"prompt": "a " * number, "completion": "b c" * (4 - number)} for number in (1, 2, 3)]
    losses, gradients = [], []
    for kind in (SFTTrainer, TargetTrainer):
        trainer = kind(
            model=tiny_model(architecture, torch.float32),
            processing_class=tokenizer,
            train_dataset=Dataset.from_list(rows),
            args=SFTConfig(
                str(tmp_path), use_cpu=True, bf16=False, report_to="none", disable_tqdm=True
            ),
        )
        (batch,) = trainer.get_train_dataloader()
        loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=count)
        loss.backward()
        losses.append(loss.item())
        gradients.append(trainer.model.model.layers[0].self_attn.q_proj.weight.grad)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)
