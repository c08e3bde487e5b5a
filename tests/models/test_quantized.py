"""Models in 8 and 4 bits: smaller, near the same, and with the head that they had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from gradsentry import ModelError, ModelOptions, OptionError, Quantize
from gradsentry.models import Dtype, LanguageModel, load_model, load_pretrained
from gradsentry.models.head_states import target_states
from tests.conftest import byte_tokenizer
from tests.tiny_models import tiny_config

WIDTHS = [Quantize.EIGHT_BITS, Quantize.FOUR_BITS]


@pytest.fixture
def wide_folder(tmp_path: Path) -> Path:
    """A tiny model whose layers take whole blocks of 64 numbers, as all real ones do."""
    config = tiny_config("llama")
    config.hidden_size, config.intermediate_size, config.head_dim = 128, 192, 32
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "wide")
    byte_tokenizer().save_pretrained(tmp_path / "wide")
    return tmp_path / "wide"


def options(quantize: Quantize, dtype: Dtype = Dtype.FLOAT32) -> ModelOptions:
    return ModelOptions(dtype=dtype, device="cpu", quantize=quantize)


def states(model: LanguageModel) -> torch.Tensor:
    ids = torch.arange(5, 45).numpy().astype("int32")
    return target_states(model, [(ids, ids > 5)]).hidden.float()


def body_bytes(model: LanguageModel) -> int:
    layers = (each for each in model.body.modules() if isinstance(each, nn.Linear))
    return sum(each.weight.numel() * each.weight.itemsize for each in layers)


@pytest.mark.parametrize(("quantize", "least", "most"), [("8bit", 0, 0.05), ("4bit", 0.01, 0.4)])
def test_states_stay_near_and_the_head_as_it_was(
    wide_folder: Path, quantize: str, least: float, most: float
) -> None:
    whole = load_model(wide_folder, options(Quantize.NONE))
    small = load_model(wide_folder, options(Quantize(quantize)))
    own = states(whole)
    drift = float((states(small) - own).norm() / own.norm())
    assert least < drift < most
    assert torch.equal(small.head.weight, whole.head.weight)
    assert small.dtype == whole.dtype
    assert body_bytes(small) <= body_bytes(whole) * (0.26 if quantize == "8bit" else 0.14)
    assert small.revision == whole.revision


def test_states_that_stand_out_are_not_rounded(wide_folder: Path) -> None:
    """A state of 60 would take the scale of all others with it: it is multiplied by itself."""
    whole = load_model(wide_folder, options(Quantize.NONE))
    small = load_model(wide_folder, options(Quantize.EIGHT_BITS))
    given = torch.randn(1, 40, 128, generator=torch.Generator().manual_seed(0))
    given[..., 3] = 60
    layer, eight = (each.body.layers[0].mlp.up_proj for each in (whole, small))
    with torch.no_grad():
        own, others = layer(given), eight(given)
    off = (others - own).norm() / (own - own.mean(1, keepdim=True)).norm()
    assert float(off) < 0.07  # 0.14 without


@pytest.mark.parametrize("quantize", WIDTHS)
def test_the_same_weights_are_quantized_alike(wide_folder: Path, quantize: Quantize) -> None:
    found = [states(load_model(wide_folder, options(quantize))) for _ in range(2)]
    assert torch.equal(*found)


@pytest.mark.parametrize("quantize", WIDTHS)
def test_a_head_that_is_tied_to_the_embeddings_stays_tied(
    quantize: Quantize, tmp_path: Path
) -> None:
    config = tiny_config("llama-tied")
    config.hidden_size, config.head_dim = 128, 32
    AutoModelForCausalLM.from_config(config).bfloat16().save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    model = load_pretrained(tmp_path, options(quantize, Dtype.BFLOAT16)).model
    weight = model.get_output_embeddings().weight
    assert weight is model.get_input_embeddings().weight
    assert weight.dtype == torch.bfloat16


@pytest.mark.parametrize("architecture", ["qwen2-moe", "gpt2"])
def test_a_model_that_would_hardly_get_smaller_is_refused(
    architecture: str, tmp_path: Path
) -> None:
    """Experts are one tensor in transformers 5, and GPT-2 has layers of its own."""
    config = tiny_config(architecture)
    config.num_experts = 16
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="elsewhere than in linear layers"):
        load_model(tmp_path, options(Quantize.EIGHT_BITS))


def test_a_missing_package_is_named(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ModelError, match=r"(?s)bitsandbytes.*gradsentry\[quantized\]"):
        load_model(tiny_folder, options(Quantize.FOUR_BITS))


def test_weights_of_64_bits_are_no_place_to_save() -> None:
    with pytest.raises(OptionError, match="float64"):
        options(Quantize.EIGHT_BITS, Dtype.FLOAT64)
