"""The files of a model: all that is loaded is named, and nothing else is followed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import LlamaForCausalLM

from gradsentry.errors import ModelError
from gradsentry.models import Dtype, ModelOptions, load_model
from tests.conftest import byte_tokenizer
from tests.models.changes import Change, edited
from tests.tiny_models import probe_logits

FLOAT32 = ModelOptions(dtype=Dtype.FLOAT32, device="cpu")
OWN_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def replaced(name: str, put: Callable[[Path], object]) -> Change:
    """Puts something else in a file's place."""

    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        put(folder / name)

    return change


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


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja"])
def test_endless_files_are_not_read(folder: Path, name: str) -> None:
    with (folder / name).open("wb") as file:
        file.truncate(1 << 40)  # takes no room
    with pytest.raises(ModelError, match=rf"{name}: .* are too many"):
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
