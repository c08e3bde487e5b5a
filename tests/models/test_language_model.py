"""Wrapping models that are in memory, and refusing what can't score."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from gradsentry.errors import ModelError
from gradsentry.models import LanguageModel
from tests.conftest import byte_tokenizer
from tests.tiny_models import ARCHITECTURES, EXPERTS, probe_logits, tiny_model


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, *EXPERTS])
def test_logits_are_the_models_own(architecture: str) -> None:
    model = tiny_model(architecture, torch.float32)
    wrapped = LanguageModel.wrap(model, byte_tokenizer())
    with torch.inference_mode():
        expected = model(input_ids=torch.arange(3, 13).unsqueeze(0)).logits
    torch.testing.assert_close(probe_logits(wrapped), expected, rtol=1e-4, atol=1e-4)


def test_logits_processed_in_an_unknown_way_are_refused() -> None:
    model = tiny_model("llama", torch.float32)
    inner = model.forward

    def forward(**inputs: object) -> object:
        output = inner(**inputs)
        output.logits = output.logits * 1.7
        return output

    model.forward = forward
    with pytest.raises(ModelError, match="processes its logits"):
        LanguageModel.wrap(model, byte_tokenizer())


def test_the_revision_of_a_model_in_memory_names_weights_and_configuration() -> None:
    model = tiny_model("llama", torch.float32)
    revisions = [LanguageModel.wrap(model, byte_tokenizer()).revision]
    weight = model.model.layers[0].mlp.up_proj.weight.data
    weight[0, 0], weight[0, 1] = weight[0, 1].clone(), weight[0, 0].clone()
    revisions.append(LanguageModel.wrap(model, byte_tokenizer()).revision)
    model.config.rope_parameters["rope_theta"] = 77.0
    revisions.append(LanguageModel.wrap(model, byte_tokenizer()).revision)
    assert len(set(revisions)) == 3


def test_a_head_that_is_not_its_weight_alone_is_refused() -> None:
    model = tiny_model("llama", torch.float32)
    model.add_adapter(LoraConfig(target_modules=["lm_head"], init_lora_weights=False))
    with pytest.raises(ModelError, match="Merge adapters"):
        LanguageModel.wrap(model, byte_tokenizer())


def test_an_adapted_model_must_be_merged_first() -> None:
    model = get_peft_model(
        tiny_model("llama", torch.float32), LoraConfig(target_modules=["q_proj"])
    )
    with pytest.raises(ModelError, match="merge_and_unload"):
        LanguageModel.wrap(model, byte_tokenizer())


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["<extra>"])
    with pytest.raises(ModelError, match="token id 264, and the model's ids end at 263"):
        LanguageModel.wrap(tiny_model("llama", torch.float32), tokenizer)


def test_logits_that_are_not_finite_are_refused() -> None:
    model = tiny_model("llama", torch.float32)
    model.lm_head.weight.data[0, 0] = float("inf")
    with pytest.raises(ModelError, match="aren't finite"):
        LanguageModel.wrap(model, byte_tokenizer())


def test_a_model_with_few_positions_says_so() -> None:
    config = LlamaConfig(
        vocab_size=264,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
    )
    assert LanguageModel.wrap(LlamaForCausalLM(config), byte_tokenizer()).max_positions == 32


def test_logits_of_bfloat16_states_are_float32(default_model: LanguageModel) -> None:
    shape = 1, default_model.head.hidden_size
    hidden = torch.ones(shape, dtype=torch.bfloat16, device=default_model.device)
    logits = default_model.head.logits(hidden)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_the_revision_of_a_model_in_memory_names_its_tokenizer() -> None:
    model, tokenizer = tiny_model("llama", torch.float32), byte_tokenizer()
    before = LanguageModel.wrap(model, tokenizer).revision
    tokenizer(["a", "abc"], padding=True, truncation=True, max_length=2)  # leaves its state
    assert LanguageModel.wrap(model, tokenizer).revision == before
    tokenizer.chat_template = "{{ messages }}"
    other_template = LanguageModel.wrap(model, tokenizer).revision
    tokenizer.eos_token = "<|im_start|>"
    assert len({before, other_template, LanguageModel.wrap(model, tokenizer).revision}) == 3


@pytest.mark.parametrize("positions", [0, -1, "many"])
def test_positions_that_are_no_number_are_refused(positions: object) -> None:
    model = tiny_model("llama", torch.float32)
    model.config.__dict__["max_position_embeddings"] = positions
    with pytest.raises(ModelError, match="max_position_embeddings"):
        LanguageModel.wrap(model, byte_tokenizer())


def test_a_model_that_fails_on_a_probe_is_refused() -> None:
    model = tiny_model("llama", torch.float32)
    model.model.norm.variance_epsilon = "small"
    with pytest.raises(ModelError, match="can't compute the logits"):
        LanguageModel.wrap(model, byte_tokenizer())
