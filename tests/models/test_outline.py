"""Models by their configurations and headers."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, Qwen2MoeForCausalLM

from gradsentry.errors import ModelError
from gradsentry.models import LanguageModel, outline
from gradsentry.models.outline import outline_model
from tests.conftest import byte_tokenizer
from tests.models.test_adapters import lora, trained
from tests.models.tiny_gguf import write_tiny_gguf
from tests.tiny_models import ARCHITECTURES, tiny_config, tiny_model


def saved(folder: Path, architecture: str) -> Path:
    tiny_model(architecture, torch.float32).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_body_is_what_is_left_without_embeddings_and_head(
    architecture: str, tmp_path: Path
) -> None:
    found = outline_model(saved(tmp_path, architecture))
    model = tiny_model(architecture, torch.float32)
    named = dict(model.named_parameters())  # a tied head once, as it is stored
    assert found.weights == sum(parameter.numel() for parameter in named.values())
    vocabulary = {id(model.get_input_embeddings()), id(model.get_output_embeddings())}
    linear = sum(
        module.weight.numel()
        for module in model.modules()
        if type(module).__name__ in ("Linear", "Conv1D") and id(module) not in vocabulary
    )
    assert linear <= found.body <= 1.05 * linear + 2000  # norms and biases
    head = model.get_output_embeddings()
    assert (found.vocabulary, found.hidden) == tuple(head.weight.shape)


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "gpt-oss", "llama-dynamic"])
def test_whether_beginnings_are_shared_is_as_the_loaded_model_says(
    architecture: str, tmp_path: Path
) -> None:
    loaded = LanguageModel.wrap(tiny_model(architecture, torch.float32), byte_tokenizer())
    found = outline_model(saved(tmp_path, architecture))
    assert found.shares_prefixes == loaded.shares_prefixes
    assert found.max_positions == loaded.max_positions


def test_of_experts_those_count_that_a_token_goes_through(tmp_path: Path) -> None:
    config = tiny_config("qwen2-moe")
    Qwen2MoeForCausalLM(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    half = outline_model(tmp_path)
    config.num_experts_per_tok = 2
    config.save_pretrained(tmp_path)
    whole = outline_model(tmp_path)
    routed = 2 * 2 * 3 * config.hidden_size * config.moe_intermediate_size
    assert whole.body - half.body == routed // 2
    assert whole.weights == half.weights


def large_folder(folder: Path) -> int:
    """A folder with the shapes of large weights and a hole for their numbers; returns how many."""
    config = LlamaConfig(num_hidden_layers=2, vocab_size=264)
    config.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes = {"model.embed_tokens.weight": [264, hidden], "lm_head.weight": [264, hidden]}
    for layer in range(2):
        for name in "qkvo":
            shapes[f"model.layers.{layer}.self_attn.{name}_proj.weight"] = [hidden, hidden]
        for name in ("gate", "up"):
            shapes[f"model.layers.{layer}.mlp.{name}_proj.weight"] = [inner, hidden]
        shapes[f"model.layers.{layer}.mlp.down_proj.weight"] = [hidden, inner]
    header, end = {}, 0
    for name, (rows, columns) in shapes.items():
        start, end = end, end + 2 * rows * columns
        header[name] = {
            "dtype": "BF16",
            "shape": [rows, columns],
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return end // 2


def test_no_weights_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = large_folder(tmp_path)
    opened = outline.safe_open

    class Headers:
        """Weights of which only headers may be looked at."""

        def __init__(self, *arguments: object, **options: object) -> None:
            self.file = opened(*arguments, **options)

        def __enter__(self) -> Headers:
            self.file.__enter__()
            return self

        def __exit__(self, *error: object) -> None:
            self.file.__exit__(*error)

        def keys(self) -> list[str]:
            return list(self.file.keys())

        def get_slice(self, name: str) -> object:
            part = self.file.get_slice(name)

            class Shape:
                get_shape, get_dtype = part.get_shape, part.get_dtype

            return Shape

    monkeypatch.setattr(outline, "safe_open", Headers)
    monkeypatch.setattr(
        "transformers.AutoModelForCausalLM.from_pretrained",
        lambda *_, **__: pytest.fail("a model was loaded"),
    )
    found = outline_model(tmp_path)
    assert found.weights == weights
    assert found.body == weights - 2 * 264 * 4096


def test_a_gguf_file_is_outlined_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_tiny_gguf(path)
    found = outline_model(path)
    assert 0 < found.body < found.weights
    assert found.hidden > 0


def test_packed_weights_are_counted_by_their_bits() -> None:
    assert outline._weights((64, 16), "I32", 4) == 64 * 16 * 8
    assert outline._weights((64, 16), "U8", 4) == 64 * 16 * 2
    assert outline._weights((64, 16), "BF16", 4) == 64 * 16
    assert outline._weights((64, 16), "I32", None) == 64 * 16
    assert outline._bits({"bits": 8}) == 8
    assert outline._bits({"bits": 10**9}) == 4
    assert outline._bits(["bits"]) == 4


def test_of_a_hub_model_without_weights_headers_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, "llama")
    with outline.safe_open(str(tmp_path / "model.safetensors"), framework="numpy") as file:
        shapes = [
            (name, tuple(file.get_slice(name).get_shape()), "F32")
            for name in file.keys()  # noqa: SIM118  # it is no dictionary
        ]
    local = outline_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    monkeypatch.setattr(outline, "check_reference", lambda *_: None)
    monkeypatch.setattr(outline, "fetch_described", lambda *_: tmp_path)
    monkeypatch.setattr(outline, "read_remote_headers", lambda *_: iter(shapes))
    found = outline_model("someone/something")
    assert (found.body, found.weights) == (local.body, local.weights)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"hidden_size": 0}, "hidden_size"), ({"num_hidden_layers": 10**9}, "num_hidden_layers")],
)
def test_a_hostile_configuration_is_refused(
    change: dict[str, object], told: str, tmp_path: Path
) -> None:
    saved(tmp_path, "llama")
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=told):
        outline_model(tmp_path)


def test_an_adapter_is_as_large_as_its_base(tiny_folder: Path, tmp_path: Path) -> None:
    base = outline_model(tiny_folder)
    adapter = tmp_path / "adapter"
    trained(tiny_folder, lora(), adapter)
    found = outline_model(adapter)
    assert (found.body, found.weights) == (base.body, base.weights)
    assert found.name == str(adapter)
