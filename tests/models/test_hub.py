"""Models on the Hub, from its cache, where it has put them before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from gradsentry.errors import ModelError
from gradsentry.models import Dtype, ModelOptions, check_reference, load_model
from tests.models.test_adapters import lora, trained
from tests.tiny_models import probe_logits

FLOAT32 = ModelOptions(dtype=Dtype.FLOAT32, device="cpu")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Hub's cache, offline."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def cached(hub: Path, name: str, source: Path) -> Path:
    """Put a folder into the cache as the Hub does: links to files named by their content."""
    place = hub / f"models--{name.replace('/', '--')}"
    snapshot = place / "snapshots" / COMMIT
    for folder in (place / "refs", place / "blobs", snapshot):
        folder.mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    for path in source.iterdir():
        shutil.copy(path, place / "blobs" / path.name.encode().hex())
        (snapshot / path.name).symlink_to(Path("../../blobs") / path.name.encode().hex())
    return snapshot


def test_a_cached_model_loads_offline(hub: Path, tiny_folder: Path) -> None:
    cached(hub, "owner/tiny", tiny_folder)
    check_reference("owner/tiny")
    model = load_model("owner/tiny", FLOAT32)
    assert (model.name, model.revision) == ("owner/tiny", COMMIT)
    assert torch.equal(probe_logits(model), probe_logits(load_model(tiny_folder, FLOAT32)))


@pytest.mark.usefixtures("hub")
def test_an_unknown_hub_model_is_a_clear_error() -> None:
    for look_at in (check_reference, load_model):
        with pytest.raises(ModelError, match="no-one/no-such-model"):
            look_at("no-one/no-such-model")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["not a name", "a--b", "x" * 120, "ünïcode/x", "datasets/"])
def test_what_can_be_no_name_on_the_hub_is_a_clear_error(name: str) -> None:
    with pytest.raises(ModelError):
        check_reference(name)


def test_an_index_that_names_a_pickle_is_refused(
    hub: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    state = LlamaForCausalLM.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "weights.bin")
    index = {"metadata": {}, "weight_map": dict.fromkeys(state, "weights.bin")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    cached(hub, "owner/pickled", folder)
    with pytest.raises(ModelError, match="no file of safetensors beside it"):
        load_model("owner/pickled", FLOAT32)


def test_pickled_weights_are_refused(hub: Path, tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    cached(hub, "owner/pickled", folder)
    with pytest.raises(ModelError, match="Only safetensors are loaded") as raised:
        load_model("owner/pickled", FLOAT32)
    assert "spaces/safetensors/convert" in raised.value.remedy


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_adapter_on_the_hub_is_merged_into_its_base(
    hub: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    expected = trained(tiny_folder, lora(), tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_config.json"
    config = json.loads(path.read_text()) | {"base_model_name_or_path": "owner/tiny"}
    path.write_text(json.dumps(config))
    cached(hub, "owner/tiny", tiny_folder)
    cached(hub, "owner/adapter", tmp_path / "adapter")
    model = load_model("owner/adapter", FLOAT32)
    assert model.name == "owner/adapter"
    found = probe_logits(model, [3, 5, 8, 100, 200, 263, 263])[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
