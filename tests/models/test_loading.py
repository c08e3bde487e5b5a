"""Loading folders and GGUF files: what is whole loads, and what is broken is named."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertModel, CTRLConfig, CTRLLMHeadModel, LlamaForCausalLM

from gradsentry.errors import ModelError, OptionError
from gradsentry.models import Dtype, ModelOptions, bounds, load_model, load_pretrained
from tests.conftest import byte_tokenizer
from tests.models.changes import edited
from tests.tiny_models import tiny_config, tiny_model

FLOAT32 = ModelOptions(dtype=Dtype.FLOAT32, device="cpu")


def test_a_local_folder_loads(tiny_folder: Path) -> None:
    model = load_model(tiny_folder, FLOAT32)
    assert model.dtype == torch.float32
    assert model.revision.startswith("sha256:")
    assert model.max_positions == 256


def test_a_loaded_model_has_the_name_that_the_user_gave(tiny_folder: Path) -> None:
    loaded = load_pretrained(str(tiny_folder), FLOAT32)
    names = {loaded.name, loaded.model.name_or_path, loaded.tokenizer.name_or_path}
    assert names == {str(tiny_folder)}


@pytest.mark.parametrize("size", [1000, -10])
def test_truncated_weights_are_a_clear_error(folder: Path, size: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    with pytest.raises(ModelError, match=r"model.safetensors: the weights can't be loaded"):
        load_model(folder, FLOAT32)


@pytest.mark.parametrize(
    "values",
    [
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 9_999},
        {"num_hidden_layers": 0},
        {"num_hidden_layers": -3},
        {"num_hidden_layers": "two"},
        {"num_hidden_layers": float("inf")},
        {"hidden_size": 10**9},
        {"hidden_size": 9_000_000},
        {"hidden_size": 0},
        {"hidden_size": -160},
        {"vocab_size": 10**12},
        {"vocab_size": 9_000_000},
        {"vocab_size": 300},
        {"intermediate_size": 5_000_000},
        {"num_attention_heads": 0},
        {"num_attention_heads": -4},
        {"num_key_value_heads": 3},
        {"max_position_embeddings": 0},
        {"max_position_embeddings": -1},
        {"rms_norm_eps": "x"},
        {"rms_norm_eps": float("nan")},
        {"attention_types": [[["global"], 10**9]]},
        {"rope_parameters": {"rope_type": "unknown"}},
        {"model_type": "unknown"},
        {"model_type": None},
    ],
    ids=str,
)
def test_absurd_configurations_are_refused_before_memory_is_taken(
    folder: Path, values: dict[str, Any]
) -> None:
    edited("config.json", **values)(folder)
    with pytest.raises(ModelError):
        load_model(folder, FLOAT32)


@pytest.mark.parametrize(
    ("architecture", "values"),
    [
        ("gptj", {"n_positions": 40_000_000}),  # a table that isn't stored
        ("gpt2", {"n_inner": 9_000_000}),
        ("gpt-oss", {"num_local_experts": 1_000_000}),
        ("qwen2-moe", {"num_experts": 1_000_000}),
    ],
)
def test_sizes_of_other_architectures_are_bounded_too(
    architecture: str, values: dict[str, Any], tmp_path: Path
) -> None:
    tiny_model(architecture, torch.float32).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    edited("config.json", **values)(tmp_path)
    with pytest.raises(ModelError, match="larger model than"):
        load_model(tmp_path, FLOAT32)


def test_a_tied_head_of_many_words_is_no_larger_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table of words is most of a small model, and stands in the model twice."""
    monkeypatch.setattr(bounds, "_SOME_ELEMENTS", 10_000)
    config = tiny_config("llama")
    config.tie_word_embeddings = True
    config.vocab_size = 20_000
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    assert load_model(tmp_path, FLOAT32).head.vocab_size == 20_000


def test_weights_that_are_not_numbers_are_refused(folder: Path) -> None:
    changed = LlamaForCausalLM.from_pretrained(folder)
    changed.model.layers[0].mlp.up_proj.weight.data.fill_(float("nan"))
    changed.save_pretrained(folder)
    with pytest.raises(ModelError, match="aren't finite"):
        load_model(folder, FLOAT32)


def test_a_model_larger_than_the_memory_is_refused(folder: Path) -> None:
    if not Path("/proc/meminfo").exists():
        pytest.skip("this system doesn't tell how much memory is free")
    header = {
        "lm_head.weight": {
            "dtype": "F32",
            "shape": [1 << 40, 1],
            "data_offsets": [0, 4 << 40],
        }
    }
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        try:
            file.truncate(8 + len(text) + (4 << 40))  # takes no room
        except OSError:
            pytest.skip("files can't be so large here")
    with pytest.raises(ModelError, match=r"memory|allocate"):
        load_model(folder, FLOAT32)


def test_remote_code_is_refused(folder: Path) -> None:
    edited("config.json", model_type="own", auto_map={"AutoModelForCausalLM": "evil.Model"})(folder)
    (folder / "evil.py").write_text("raise SystemExit('this code was run')")
    with pytest.raises(ModelError):
        load_model(folder, FLOAT32)


@pytest.mark.parametrize("name", ["tokenizer_config.json", "config.json"])
def test_code_that_a_known_kind_names_is_not_run(folder: Path, name: str) -> None:
    code = {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M", "AutoTokenizer": ["evil.T"]}
    edited(name, auto_map=code)(folder)
    (folder / "evil.py").write_text("raise SystemExit('this code was run')")
    with contextlib.suppress(ModelError):
        load_model(folder, FLOAT32)


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


def test_a_broken_gguf_file_is_a_clear_error(tmp_path: Path) -> None:
    for content in (b"GGUF", b"GGUF" + (3).to_bytes(4, "little") + b"\xff" * 16, b"something"):
        path = tmp_path / "broken.gguf"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"broken\.gguf"):
            load_model(path, FLOAT32)


def test_a_gguf_file_that_counts_a_billion_layers_is_refused(tmp_path: Path) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "deep.gguf", "llama")
    writer.add_block_count(10**9)
    writer.add_tensor("token_embd.weight", torch.zeros(8, 8).numpy())
    for write in (
        writer.write_header_to_file,
        writer.write_kv_data_to_file,
        writer.write_tensors_to_file,
        writer.close,
    ):
        write()
    with pytest.raises(ModelError, match=r"deep\.gguf: block_count can't be"):
        load_model(tmp_path / "deep.gguf", FLOAT32)


def test_a_gguf_file_in_the_current_folder_is_not_taken_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF of another model")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"^inner/model\.gguf"):
        load_model("inner/model.gguf", FLOAT32)


def test_an_unknown_device_is_a_clear_error(tiny_folder: Path) -> None:
    with pytest.raises(OptionError, match="`device`"):
        load_model(tiny_folder, ModelOptions(device="warp9"))


@pytest.mark.parametrize(
    "values",
    [
        # Oniguruma gives up, and tokenizers panics; a panic is no `Exception`.
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "([a-zA-Z ]+)+$"}}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}}},
        {"model": None},
        {"truncation": {"max_length": 2, "strategy": "LongestFirst", "stride": 5}},
    ],
    ids=["regex that blows up", "regex that is none", "no model", "stride above its length"],
)
def test_a_tokenizer_that_fails_is_a_clear_error(folder: Path, values: dict[str, Any]) -> None:
    for value in values.values():
        if isinstance(value, dict) and "pattern" in value:
            value |= {"behavior": "Isolated", "invert": False}
        elif isinstance(value, dict):
            value |= {"direction": "Right"}
    edited("tokenizer.json", **values)(folder)
    with pytest.raises(ModelError, match="the tokenizer"):
        load_model(folder, FLOAT32)


def test_a_chat_template_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    edited("tokenizer_config.json", chat_template=5)(folder)
    with pytest.raises(ModelError, match="chat template is no text"):
        load_model(folder, FLOAT32)


def test_a_tokenizer_in_python_alone_loads(tmp_path: Path) -> None:
    config = CTRLConfig(vocab_size=40, n_embd=16, dff=16, n_layer=1, n_head=2, n_positions=64)
    CTRLLMHeadModel(config).save_pretrained(tmp_path)
    letters = [*"abcdefghijklmnopqrstuvwxyz", *"ABCDEF"]
    vocabulary = {token: index for index, token in enumerate(["<unk>", *letters])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "CTRLTokenizer"}')
    model = load_model(tmp_path, FLOAT32)
    assert not model.tokenizer.is_fast
    assert model.tokenizer("A")["input_ids"] == [vocabulary["A"]]


@pytest.mark.slow
@pytest.mark.parametrize("adapter", [False, True])
def test_local_models_are_loaded_without_any_network(folder: Path, adapter: bool) -> None:
    named = folder
    if adapter:
        named = folder.parent / "adapter"
        base = LlamaForCausalLM.from_pretrained(folder)
        get_peft_model(base, LoraConfig(target_modules=["q_proj"])).save_pretrained(named)
        byte_tokenizer().save_pretrained(named)
    code = (
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
        "        print('NETWORK', event, arguments, flush=True)\n"
        "        raise OSError('no network')\n"
        "sys.addaudithook(refuse)\n"
        "import threading\n"
        "from gradsentry.models import ModelOptions, check_reference, load_model\n"
        "check_reference(sys.argv[1])\n"
        "load_model(sys.argv[1], ModelOptions(dtype='float32', device='cpu'))\n"
        "assert not [each for each in threading.enumerate() if 'conversion' in each.name]\n"
    )
    # As on a machine where nothing forbids it; agents are asked about at the Hub.
    allowed = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    allowed |= {"HF_HOME": str(folder.parent / "home"), "AI_AGENT": "someone"}
    command = [sys.executable, "-c", code, str(named)]
    done = subprocess.run(command, capture_output=True, text=True, env=allowed)
    assert "NETWORK" not in done.stdout
    assert done.returncode == 0, done.stderr
