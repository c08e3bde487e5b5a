"""Loading folders and GGUF files: what is whole loads, and what is broken is named."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from transformers import BertConfig, BertModel, CTRLConfig, CTRLLMHeadModel, LlamaForCausalLM

from gradsentry.errors import ModelError, OptionError
from gradsentry.models import Dtype, ModelOptions, load_model, load_pretrained
from tests.conftest import byte_tokenizer
from tests.tiny_models import probe_logits, tiny_model

FLOAT32 = ModelOptions(dtype=Dtype.FLOAT32, device="cpu")
OWN_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")

Change = Callable[[Path], object]


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may break."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def edited(name: str, **values: Any) -> Change:
    """Sets values in a file of JSON."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | values))

    return change


def replaced(name: str, put: Callable[[Path], object]) -> Change:
    """Puts something else in a file's place."""

    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        put(folder / name)

    return change


def test_a_local_folder_loads(tiny_folder: Path) -> None:
    model = load_model(tiny_folder, FLOAT32)
    assert model.dtype == torch.float32
    assert model.revision.startswith("sha256:")
    assert model.max_positions == 256


def test_a_loaded_model_has_the_name_that_the_user_gave(tiny_folder: Path) -> None:
    loaded = load_pretrained(str(tiny_folder), FLOAT32)
    names = {loaded.name, loaded.model.name_or_path, loaded.tokenizer.name_or_path}
    assert names == {str(tiny_folder)}


@pytest.mark.parametrize(
    "change",
    [
        edited("config.json", rms_norm_eps=0.5),
        edited("generation_config.json", eos_token_id=5),
        edited("tokenizer_config.json", eos_token="<|im_start|>"),
        edited("tokenizer.json", normalizer={"type": "Lowercase"}),
        lambda folder: (folder / "chat_template.jinja").write_text("{{ messages }}"),
        lambda folder: (folder / "special_tokens_map.json").write_text("{}"),
        lambda folder: (
            (folder / "additional_chat_templates").mkdir(),
            (folder / "additional_chat_templates" / "tool.jinja").write_text("{{ tools }}"),
        ),
    ],
)
def test_the_revision_names_all_that_is_loaded(folder: Path, change: Change) -> None:
    before = load_model(folder, FLOAT32).revision
    change(folder)
    assert load_model(folder, FLOAT32).revision != before


def test_the_revision_names_the_weights(folder: Path, tiny_folder: Path) -> None:
    before = load_model(folder, FLOAT32).revision
    assert before == load_model(tiny_folder, FLOAT32).revision
    changed = LlamaForCausalLM.from_pretrained(folder)
    changed.lm_head.weight.data[0, 0] += 1
    changed.save_pretrained(folder)
    assert load_model(folder, FLOAT32).revision != before


def test_the_revision_names_nothing_else(folder: Path) -> None:
    before = load_model(folder, FLOAT32).revision
    for name in ("README.md", "trainer_state.json", "optimizer.pt", "training_args.bin", "own.py"):
        (folder / name).write_text("something else")
    assert load_model(folder, FLOAT32).revision == before


@pytest.mark.parametrize(
    "put",
    [
        os.mkfifo,
        Path.mkdir,
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\xfe junk"),
    ],
    ids=["pipe", "folder", "loop", "broken link", "device", "empty", "junk"],
)
@pytest.mark.parametrize("name", OWN_FILES)
def test_what_is_no_file_of_a_model_is_named(
    folder: Path, name: str, put: Callable[[Path], object]
) -> None:
    replaced(name, put)(folder)
    with pytest.raises(ModelError) as raised:
        load_model(folder, FLOAT32)
    assert name in raised.value.problem


def test_links_to_files_elsewhere_are_followed_as_in_the_hubs_cache(
    folder: Path, tmp_path: Path
) -> None:
    before = load_model(folder, FLOAT32).revision
    for name in OWN_FILES:
        blob = tmp_path / f"blob-{len(name)}-{name[0]}"
        (folder / name).rename(blob)
        (folder / name).symlink_to(os.path.relpath(blob, folder))
    assert load_model(folder, FLOAT32).revision == before


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
        ("gptj", {"n_positions": 10_000_000}),  # a table that isn't stored
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


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja"])
def test_endless_files_are_not_read(folder: Path, name: str) -> None:
    with (folder / name).open("wb") as file:
        file.truncate(1 << 40)  # takes no room
    with pytest.raises(ModelError, match=rf"{name}: .* are too many"):
        load_model(folder, FLOAT32)


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


def sharded(folder: Path, **weight_map: object) -> None:
    """Moves the weights behind an index that names other files for some or all."""
    weights = folder / "model.safetensors"
    with safe_open(str(weights), "pt") as file:
        names = list(file.keys())
    weights.rename(folder / "part.safetensors")
    named = dict.fromkeys(names, "part.safetensors") | weight_map
    content = {"weight_map": named}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))


def test_an_index_names_the_files_of_weights(folder: Path) -> None:
    expected = probe_logits(load_model(folder, FLOAT32))
    sharded(folder)
    assert torch.equal(probe_logits(load_model(folder, FLOAT32)), expected)


@pytest.mark.parametrize("outside", [False, True])
def test_an_index_that_names_a_pickle_is_refused(
    folder: Path, tmp_path: Path, outside: bool
) -> None:
    state = LlamaForCausalLM.from_pretrained(folder).state_dict()
    place = (tmp_path if outside else folder) / "weights.bin"
    torch.save(state, place)
    sharded(folder, **dict.fromkeys(state, os.path.relpath(place, folder)))
    with pytest.raises(ModelError, match="no file of safetensors beside it"):
        load_model(folder, FLOAT32)


@pytest.mark.parametrize(
    "name",
    [
        "../part.safetensors",
        "/part.safetensors",
        "inner/part.safetensors",
        "..\\part.safetensors",
        "nowhere.safetensors",
        "",
        5,
        None,
    ],
)
def test_an_index_that_names_no_file_beside_it_is_refused(folder: Path, name: object) -> None:
    shutil.copy(folder / "model.safetensors", folder.parent / "part.safetensors")
    sharded(folder, **{"lm_head.weight": name})
    with pytest.raises(ModelError):
        load_model(folder, FLOAT32)


@pytest.mark.parametrize("key", ["transformers_weights", "_name_or_path"])
def test_a_configuration_that_names_a_pickle_is_not_followed(folder: Path, key: str) -> None:
    expected = probe_logits(load_model(folder, FLOAT32))
    torch.save({"lm_head.weight": torch.zeros(264, 160)}, folder / "adapter_model.bin")
    edited("config.json", **{key: "adapter_model.bin"})(folder)
    assert torch.equal(probe_logits(load_model(folder, FLOAT32)), expected)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_kernels_that_a_configuration_names_are_not_fetched(folder: Path, key: str) -> None:
    edited("config.json", **{key: "someone/kernel"})(folder)
    load_model(folder, FLOAT32)


def test_pickled_weights_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(tiny_folder)
    model.config.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors") as raised:
        load_model(tmp_path, FLOAT32)
    assert "pytorch_model.bin" in raised.value.problem
    assert 'save_pretrained("converted")' in raised.value.remedy


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
    with pytest.raises(OptionError, match="--device"):
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
