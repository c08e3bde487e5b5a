"""One model over several devices. Here both are the processor: what moves between layers goes
through accelerate's hooks all the same, and lands where it was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from gradsentry import LanguageModel, ModelError, ModelOptions, OptionError, Quantize
from gradsentry.models import load_model, target_states
from gradsentry.models.packing import pack
from gradsentry.models.split_model import split_model
from tests.conftest import byte_tokenizer
from tests.tiny_models import probe_logits, tiny_config

DEVICES = [torch.device("cpu")] * 2
ROWS = [
    (ids, ids > 9) for ids in (torch.arange(5, end).numpy().astype("int32") for end in (20, 31, 40))
]


def deep_model(architecture: str) -> Any:
    """A tiny model of six layers."""
    config = tiny_config(architecture)
    config.num_hidden_layers = 6
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types * 3
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


def split(architecture: str, share: float = 0.75) -> Any:
    """Such a model, of which so much fits on each device."""
    model = deep_model(architecture)
    room = int(share * sum(each.numel() * 4 for each in model.parameters()))
    split_model(model, DEVICES, {0: room, 1: room}, "tiny")
    return model


@pytest.mark.parametrize("architecture", ["llama", "llama-tied", "qwen3", "gemma3", "mixtral"])
def test_a_split_model_gives_the_states_of_a_whole_one(architecture: str) -> None:
    model = split(architecture)
    layers = model.base_model.layers
    assert all(hasattr(layer, "_hf_hook") for layer in layers)
    whole = LanguageModel.wrap(deep_model(architecture), byte_tokenizer())
    wrapped = LanguageModel.wrap(model, byte_tokenizer())
    assert wrapped.shares_prefixes == whole.shares_prefixes
    assert wrapped.revision == whole.revision
    ours, theirs = target_states(wrapped, ROWS), target_states(whole, ROWS)
    assert torch.equal(ours.hidden, theirs.hidden)
    assert ours.hidden.device == wrapped.head.weight.device
    assert torch.equal(probe_logits(wrapped), probe_logits(whole))


def test_a_model_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(ModelError, match="doesn't fit on 2 GPUs together"):
        split("llama", share=0.2)


def test_a_packing_is_copied_once_for_each_device() -> None:
    packing = pack([ids for ids, _ in ROWS], torch.device("cpu"))
    assert packing.to(torch.device("cpu")) is packing
    there = packing.to(torch.device("meta"))
    assert packing.to(torch.device("meta")) is there
    assert {group.keys.device.type for group in there.groups} == {"meta"}
    assert there.windows is packing.windows
    assert not there._copies  # a packing in its own copies would outlive its batch


def test_without_gpus_there_is_nothing_to_split_over(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(OptionError, match="there is none"):
        load_model(tiny_folder, ModelOptions(device="split"))


def test_what_is_split_is_not_quantized() -> None:
    with pytest.raises(OptionError, match="`quantize` doesn't go together with `device` split"):
        ModelOptions(device="split", quantize=Quantize.EIGHT_BITS)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ModelError, match=r"(?s)accelerate.*gradsentry\[split\]"):
        split("llama")
