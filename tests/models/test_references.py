"""What a name stands for, and that a wrong one is told of before anything is done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import gradsentry
from gradsentry.errors import ModelError
from gradsentry.models import check_reference, default_model, loading
from gradsentry.models.default_model import NAME
from gradsentry.models.references import Kind, names_default, tell_kind


@pytest.mark.parametrize(
    "name",
    [
        "./nowhere",
        "../nowhere",
        "~/nowhere",
        "/no/such/model",
        "models/file.gguf",
        "a/b/c",
        "a\\b",
        "",
        " ",
        "nul\0byte",
        "x" * 300,
        "é" * 200,
        "x/" * 3000,
        Path("owner/name"),
    ],
)
def test_a_mistyped_path_never_becomes_a_network_call(name: str | Path) -> None:
    for look_up in (tell_kind, check_reference):
        with pytest.raises(ModelError, match="no such file or folder"):
            look_up(name)


def test_kinds_are_told_by_what_is_there(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    assert tell_kind(tmp_path / "model.gguf") is Kind.GGUF
    assert tell_kind(tmp_path / "adapter") is Kind.ADAPTER
    assert tell_kind(tiny_folder) is Kind.FOLDER
    assert tell_kind("owner/name") is Kind.HUB


@pytest.mark.parametrize("name", ["gpt2", "model.safetensors", "weights.bin", "broken.gguf"])
def test_a_file_that_is_no_model_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file beside the data that is named as a model on the Hub is, too.
    (tmp_path / name).write_bytes(b"\x80\x04 a pickle")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="no GGUF file"):
        check_reference(name)


def test_a_whole_model_passes(tiny_folder: Path) -> None:
    check_reference(tiny_folder)
    check_reference(None)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_without_a_model_is_refused(name: str, tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        check_reference(folder)


def test_the_base_of_an_adapter_is_checked_too(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_folder / "model.safetensors", tmp_path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "base_model_name_or_path": "/nowhere/at/all"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="/nowhere/at/all"):
        check_reference(tmp_path)


def test_a_wrong_model_is_told_before_data_are_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file or folder"):
        gradsentry.scan(tmp_path / "no-data.jsonl", model="./no-model")


def test_the_default_model_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (None, NAME):
        assert names_default(name)
        check_reference(name)  # goes to no network
    assert not names_default(f"owner/{NAME}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()  # what lies there comes first, as for all names
    assert not names_default(NAME)


def test_the_default_model_is_loaded_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    default = object()
    monkeypatch.setattr(default_model, "load_default", lambda *_: default)
    assert loading._load(NAME, torch.float32, None, print) is default
    assert loading._load(None, torch.float32, None, print) is default
