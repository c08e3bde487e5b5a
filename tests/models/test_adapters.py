"""PEFT adapters: merged as they were trained, and not followed where they lead elsewhere."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import (
    IA3Config,
    LoraConfig,
    PeftConfig,
    PromptTuningConfig,
    TrainableTokensConfig,
    get_peft_model,
)
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from gradsentry.errors import ModelError
from gradsentry.models import Dtype, ModelOptions, check_reference, load_model, load_pretrained
from tests.conftest import byte_tokenizer
from tests.tiny_models import probe_logits, tiny_model

FLOAT32 = ModelOptions(dtype=Dtype.FLOAT32, device="cpu")
PROBE = [3, 5, 8, 100, 200, 263]


def lora(**settings: Any) -> LoraConfig:
    return LoraConfig(**({"r": 2, "target_modules": ["q_proj", "v_proj"]} | settings))


def trained(
    base: Path, config: PeftConfig, folder: Path, new_tokens: int = 0, **saving: Any
) -> torch.Tensor:
    """Save an adapter with random weights; its logits of a probe with the newest token."""
    torch.manual_seed(0)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), byte_tokenizer()
    if new_tokens:
        tokenizer.add_tokens([f"<new{number}>" for number in range(new_tokens)])
        model.resize_token_embeddings(len(tokenizer))
        tokenizer.save_pretrained(folder)
    tuned = get_peft_model(model, config)
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    tuned.save_pretrained(folder, **saving)
    with torch.inference_mode():
        ids = torch.tensor([[*PROBE, len(tokenizer) - 1]])
        logits: torch.Tensor = tuned.eval()(input_ids=ids).logits[0]
    return logits


def edit(folder: Path, **values: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


NEW = [264, 265, 266]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("config", "new_tokens", "saving"),
    [
        (lora(), 0, {}),
        (lora(target_modules=r".*\.(q_proj|v_proj)"), 0, {}),
        (lora(target_modules="all-linear", task_type="CAUSAL_LM"), 0, {}),
        (lora(rank_pattern={"q_proj": 4}), 0, {}),
        (lora(use_dora=True), 0, {}),
        (lora(init_lora_weights="pissa"), 0, {}),
        (IA3Config(target_modules=["down_proj"], feedforward_modules=["down_proj"]), 0, {}),
        (lora(modules_to_save=["embed_tokens", "lm_head"]), 3, {}),
        (lora(modules_to_save=["embed_tokens", "lm_head"]), 3, {"save_embedding_layers": False}),
        (lora(modules_to_save=["embed_tokens"]), 3, {}),
        (lora(target_modules=["embed_tokens", "lm_head"]), 3, {}),
        (lora(trainable_token_indices=NEW), 3, {}),
        (
            lora(trainable_token_indices={"embed_tokens": NEW, "lm_head": NEW}),
            3,
            {"save_embedding_layers": False},
        ),
        (TrainableTokensConfig(token_indices=NEW, target_modules=["embed_tokens"]), 3, {}),
        (lora(), 3, {}),
    ],
    ids=lambda value: None if isinstance(value, int) else str(value)[:40],
)
def test_an_adapter_is_merged_as_it_was_trained(
    config: PeftConfig, new_tokens: int, saving: dict[str, Any], tiny_folder: Path, tmp_path: Path
) -> None:
    expected = trained(tiny_folder, config, tmp_path, new_tokens, **saving)
    edit(tmp_path, base_model_name_or_path=str(tiny_folder))
    model = load_model(tmp_path, FLOAT32)
    found = probe_logits(model, [*PROBE, 263 + new_tokens])[0]
    assert found.shape == expected.shape
    # Tokens that weren't saved begin at the mean; those that were are as they were trained.
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_grown_vocabulary_is_the_same_every_time(tiny_folder: Path, tmp_path: Path) -> None:
    # The head's new rows are in no file.
    config = lora(modules_to_save=["embed_tokens"])
    trained(tiny_folder, config, tmp_path, 3, save_embedding_layers=False)
    edit(tmp_path, base_model_name_or_path=str(tiny_folder))
    first, second = (probe_logits(load_model(tmp_path, FLOAT32)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tied_embeddings_grow_together(tmp_path: Path) -> None:
    tiny_model("llama-tied", torch.float32).save_pretrained(tmp_path / "base")
    byte_tokenizer().save_pretrained(tmp_path / "base")
    config = lora(trainable_token_indices=NEW)
    expected = trained(tmp_path / "base", config, tmp_path / "adapter", 3)
    found = probe_logits(load_model(tmp_path / "adapter", FLOAT32), [*PROBE, 266])[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_the_revision_names_base_adapter_and_tokenizer(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "base")
    adapter = tmp_path / "adapter"
    trained(tmp_path / "base", lora(), adapter)
    revisions = [load_model(adapter, FLOAT32).revision]
    assert load_model(adapter, FLOAT32).revision == revisions[0]
    (adapter / "README.md").write_text("Not a part of it.")
    assert load_model(adapter, FLOAT32).revision == revisions[0]
    byte_tokenizer().save_pretrained(adapter)
    revisions.append(load_model(adapter, FLOAT32).revision)
    (adapter / "chat_template.jinja").write_text("{{ messages }}")
    revisions.append(load_model(adapter, FLOAT32).revision)
    edit(adapter, lora_alpha=7)
    revisions.append(load_model(adapter, FLOAT32).revision)
    changed = LlamaForCausalLM.from_pretrained(tmp_path / "base")
    changed.model.layers[0].mlp.up_proj.weight.data.mul_(1.7)
    changed.save_pretrained(tmp_path / "base")
    revisions.append(load_model(adapter, FLOAT32).revision)
    assert len(set(revisions)) == len(revisions)


def test_a_base_beside_the_adapter_comes_before_one_in_the_current_folder(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(tiny_folder, lora(), tmp_path / "mine" / "adapter")
    shutil.copytree(tiny_folder, tmp_path / "mine" / "adapter" / "base")
    (tmp_path / "base").mkdir()
    edit(tmp_path / "mine" / "adapter", base_model_name_or_path="./base")
    monkeypatch.chdir(tmp_path)
    announced: list[str] = []
    loaded = load_pretrained("mine/adapter", FLOAT32, announced.append)
    with torch.inference_mode():
        found = loaded.model(input_ids=torch.tensor([[*PROBE, 263]])).logits[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    assert announced == ["Base model of the adapter: mine/adapter/base"]


def test_an_adapter_on_an_adapter_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    for name, base in (("first", tiny_folder), ("second", tmp_path / "first")):
        trained(tiny_folder, lora(), tmp_path / name)
        edit(tmp_path / name, base_model_name_or_path=str(base))
    for look_at in (check_reference, load_model):
        with pytest.raises(ModelError, match="is an adapter, too"):
            look_at(tmp_path / "second")


def test_an_adapter_that_names_itself_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    trained(tiny_folder, lora(), tmp_path)
    edit(tmp_path, base_model_name_or_path=str(tmp_path))
    for look_at in (check_reference, load_model):
        with pytest.raises(ModelError, match="is an adapter, too"):
            look_at(tmp_path)


def test_a_pickled_adapter_within_the_base_is_not_loaded(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "base")
    trained(tmp_path / "base", lora(), tmp_path / "base")
    (tmp_path / "base" / "adapter_model.safetensors").rename(
        tmp_path / "base" / "adapter_model.bin"
    )
    expected = trained(tiny_folder, lora(), tmp_path / "adapter")
    edit(tmp_path / "adapter", base_model_name_or_path=str(tmp_path / "base"))
    found = probe_logits(load_model(tmp_path / "adapter", FLOAT32), [*PROBE, 263])[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_an_adapter_that_cannot_be_merged_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    base = LlamaForCausalLM.from_pretrained(tiny_folder)
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    get_peft_model(base, config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="can't be merged"):
        load_model(tmp_path, FLOAT32)


@pytest.mark.parametrize(
    "values",
    [
        {"peft_type": "UNHEARD_OF"},
        {"peft_type": None},
        {"peft_type": "XLORA", "adapters": {"0": "elsewhere"}},
        {"r": 10**9},
        {"r": 5_000_000},
        {"r": 0},
        {"r": "x"},
        {"rank_pattern": {"q_proj": 5_000_000}},
        {"rank_pattern": {"(.*)*(.*)*!": 2}},
        {"target_modules": 5},
        {"target_modules": ["nowhere"]},
        {"target_modules": ["q_proj", "v_proj", "k_proj"]},  # more than the weights have
        {"exclude_modules": "([a-z_.0-9]+)+!"},
        {"layer_replication": [[0, 5_000_000]]},
        {"base_model_name_or_path": 5},
        {"base_model_name_or_path": ""},
        {"base_model_name_or_path": "/nowhere"},
        {"modules_to_save": ["lm_head"]},  # which the weights don't have
    ],
    ids=str,
)
def test_broken_adapters_are_a_clear_error(
    values: dict[str, Any], tiny_folder: Path, tmp_path: Path
) -> None:
    trained(tiny_folder, lora(), tmp_path)
    edit(tmp_path, **values)
    with pytest.raises(ModelError):
        load_model(tmp_path, FLOAT32)


def test_a_pattern_that_takes_forever_is_not_compared(tiny_folder: Path, tmp_path: Path) -> None:
    expected = trained(tiny_folder, lora(), tmp_path)
    edit(tmp_path, target_modules="([a-z_.0-9]+)+!")
    found = probe_logits(load_model(tmp_path, FLOAT32), [*PROBE, 263])[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_a_broken_configuration_is_a_clear_error(
    content: str, tiny_folder: Path, tmp_path: Path
) -> None:
    trained(tiny_folder, lora(), tmp_path)
    (tmp_path / "adapter_config.json").write_text(content)
    with pytest.raises(ModelError, match=r"adapter_config\.json"):
        load_model(tmp_path, FLOAT32)


def test_modules_that_an_adapter_names_are_not_imported(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tiny_folder, lora(), tmp_path)
    (tmp_path / "planted_module.py").write_text("raise SystemExit('this code was run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    auto = {"base_model_class": "Evil", "parent_library": "planted_module"}
    edit(tmp_path, megatron_config={"a": 1}, megatron_core="planted_module", auto_mapping=auto)
    load_model(tmp_path, FLOAT32)
    assert "planted_module" not in sys.modules


def test_an_adapters_code_is_not_run(tiny_folder: Path, tmp_path: Path) -> None:
    trained(tiny_folder, lora(), tmp_path)
    config = {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text("raise SystemExit('this code was run')")
    with pytest.raises(ModelError):
        load_model(tmp_path, FLOAT32)


def test_an_adapter_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="pickled weights aren't loaded"):
        load_model(tmp_path, FLOAT32)
