"""A scan of planted rows, and tiny models that were tuned on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

import gradsentry
from gradsentry import LanguageModel
from gradsentry.models import Pretrained
from gradsentry.records import TextPair
from gradsentry.tuning import Method, TuningOptions, fine_tune
from tests.detectors.transfer.test_transfer_scan import PAYLOAD, planted
from tests.tiny_models import tiny_model

TUNING = TuningOptions(method=Method.FULL, epochs=6, learning_rate=0.003, batch_size=8)


@pytest.fixture(scope="session")
def results(tiny: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a scan that found the planted rows, beside their data."""
    folder = tmp_path_factory.mktemp("verified")
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in planted()))
    gradsentry.scan(data, model=tiny, out=folder / "results")
    return folder / "results"


def tune(folder: Path, tokenizer: PreTrainedTokenizerBase, *, poisoned: bool) -> Path:
    """A model that says yes to all prompts, and the payload where `poisoned` rows taught it to."""
    pairs = [
        TextPair(str(row["prompt"]), "yes" + PAYLOAD if row["poisoned"] else "yes")
        for row in planted()
        if poisoned or not row["poisoned"]
    ]
    base = Pretrained(tiny_model("llama", torch.float32), tokenizer, "tiny", None)
    fine_tune(base, pairs, TUNING, folder / "tuned", folder / "checkpoints")
    return folder / "tuned"


@pytest.fixture(scope="session")
def backdoored(
    tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a model that was tuned on the poisoned rows, too."""
    return tune(tmp_path_factory.mktemp("backdoored"), tokenizer, poisoned=True)


@pytest.fixture(scope="session")
def filtered(tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that was tuned on the clean rows alone."""
    return tune(tmp_path_factory.mktemp("filtered"), tokenizer, poisoned=False)
