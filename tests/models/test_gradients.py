"""Gradients of inner modules against dense autograd."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gradsentry.detectors.spectral import Spectral, module_spectral_scores
from gradsentry.errors import OptionError
from gradsentry.models import LanguageModel, linear_module, module_factors
from tests.detectors.test_spectral import store_of
from tests.tiny_models import FLOAT32_INSIDE, mean_loss, random_rows, tiny_model

MODULES = {
    "llama": ("last.mlp.down_proj", "layers.0.mlp.down_proj", "middle.self_attn.o_proj"),
    "gemma2": ("last.mlp.down_proj", "last.self_attn.o_proj"),
    "granite": ("last.self_attn.o_proj",),
    "gpt_neox": ("last.attention.dense", "layers.0.mlp.dense_4h_to_h"),
}
CASES = [(name, module) for name, modules in MODULES.items() for module in modules]


@pytest.mark.parametrize(("architecture", "name"), CASES)
def test_factors_and_scores_agree_with_dense_autograd(
    architecture: str, name: str, tmp_path: Path
) -> None:
    model = tiny_model(architecture)
    rows = random_rows(5, [(5, 1), (9, 7), (30, 19), (2, 60)])
    wrapped = LanguageModel.wrap(model, tokenizer=None)
    store = store_of(rows, tmp_path)
    module = linear_module(wrapped, name)
    factors = module_factors(wrapped, store.read(np.arange(len(rows))), module)
    # An eighth of 96 inner units would leave fewer than 16 singular values.
    options = Spectral(crop=4)
    ours = module_spectral_scores(factors, options)
    assert isinstance(module.weight, torch.nn.Parameter)
    for place, row in enumerate(rows):
        (expected,) = torch.autograd.grad(mean_loss(model, row), module.weight)
        gradient = factors.gradients[place].mT @ factors.inputs[place]
        tolerance = 1e-6 if architecture in FLOAT32_INSIDE else 1e-12
        torch.testing.assert_close(gradient, expected, rtol=0, atol=tolerance)
        values = torch.linalg.svdvals(expected[: expected.shape[0] // 4, : expected.shape[1] // 4])
        weights = values[:16].clamp_min(1e-12) / values[:16].clamp_min(1e-12).sum()
        entropy = float(-(weights * weights.log()).sum() / math.log(16))
        assert float(ours[place]) == pytest.approx(entropy, abs=1e-6)


def test_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    wrapped = LanguageModel.wrap(tiny_model("llama"), tokenizer=None)
    store = store_of(random_rows(6, [(5, 4)]), tmp_path)
    module = linear_module(wrapped, "last.mlp.down_proj")
    wanted = [parameter.requires_grad for parameter in wrapped.body.parameters()]
    module_factors(wrapped, store.read(np.arange(1)), module)
    assert [parameter.requires_grad for parameter in wrapped.body.parameters()] == wanted
    assert not module._forward_hooks


@pytest.mark.parametrize(
    "name", ["embed_tokens", "", "last", "last.mlp", "layers.7.mlp.down_proj", "last.no.such"]
)
def test_a_module_that_is_not_there_is_refused_and_others_are_named(name: str) -> None:
    wrapped = LanguageModel.wrap(tiny_model("llama"), tokenizer=None)
    with pytest.raises(OptionError, match=r"last\.mlp\.down_proj"):
        linear_module(wrapped, name)
