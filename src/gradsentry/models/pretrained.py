"""Model and tokenizer from files in a folder of their own, as transformers loads them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from gradsentry.errors import ModelError
from gradsentry.models.bounds import (
    Stored,
    check_counts,
    check_room,
    no_larger_than,
    read_stored,
    read_stored_gguf,
)
from gradsentry.models.model_faults import enough_memory, loading
from gradsentry.models.model_files import (
    CONFIG,
    ModelFiles,
    digest_of,
    link,
    read_json,
    scratch_folder,
)
from gradsentry.models.network import no_telemetry

_REMEDY = (
    "Name a Hub id (owner/name), a folder with config.json and safetensors weights, a GGUF file or "
    "a PEFT adapter folder. Models that need their own code are not run."
)
_PROBE = "The quick brown fox jumps over the lazy dog 1234567890 times, and goes on and on!"


@dataclass(frozen=True)
class Pretrained:
    """A causal language model as transformers has it: to generate with, or to train."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    """As the user named it."""
    revision: str | None
    """Which weights and which tokenizer exactly, where loading tells: a Hub commit, or a digest of
    local files."""
    adapted: bool = False
    """Whether an adapter was merged into the weights."""


def load_files(
    files: ModelFiles, dtype: torch.dtype, name: str, revision: str | None = None
) -> Pretrained:
    """Load a model from its files, and nothing else.

    **Arguments:**

    - `revision`: what names these files; None takes a digest of them.

    **Raises:**

    `ModelError` if they don't make up a causal language model.
    """
    raw = read_json(files.folder / CONFIG)
    check_counts(raw, str(files.folder / CONFIG))
    held = read_stored(files.weight_paths, packed="quantization_config" in raw)
    check_room(held, dtype, name)
    with files.alone() as folder:
        config = load_config(folder, name)
        model = _model(folder, dtype, held, name, config=config, use_safetensors=True)
        tokenizer = load_tokenizer(folder, name, config)
    return Pretrained(_rename(model, name), tokenizer, name, revision or files.digest())


def load_gguf(path: Path, dtype: torch.dtype, name: str, revision: str | None = None) -> Pretrained:
    """Load a model from a GGUF file, and nothing else; arguments as in `load_files`.

    **Raises:**

    `ModelError` if it doesn't hold a causal language model.
    """
    from transformers import GgufConfig

    held = read_stored_gguf(path)
    check_room(held, dtype, name)
    with scratch_folder() as scratch:
        # Transformers looks for a relative name in the current folder first.
        alone = scratch / "model.gguf"
        link(path, alone)
        source = {"gguf_file": str(alone), "quantization_config": GgufConfig(dequantize=True)}
        # The conversion draws a progress bar of its own that no setting turns off.
        with contextlib.redirect_stderr(io.StringIO()):
            model = _model(scratch, dtype, held, name, **source)
        tokenizer = load_tokenizer(scratch, name, None, gguf_file=str(alone))
    revision = revision or digest_of([("gguf", path)])
    return Pretrained(_rename(model, name), tokenizer, name, revision)


def load_tokenizer(
    folder: Path, name: str, config: PreTrainedConfig | None, **source: Any
) -> PreTrainedTokenizerBase:
    """Load a tokenizer from a folder and see that it works.

    **Arguments:**

    - `config`: of its model; it decides the kind of some tokenizers.

    **Raises:**

    `ModelError` if it can't be loaded or fails on a plain sentence.
    """
    from transformers import AutoTokenizer

    if config is not None:
        source["config"] = config
    with (
        no_telemetry(),
        loading(
            f"{name}: the tokenizer can't be loaded",
            "Save or download the tokenizer's files again. Some old kinds need the package "
            "sentencepiece or tiktoken. Tokenizers that need their own code are not run.",
        ),
    ):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, **source
        )
        tokenizer.name_or_path = name
    with loading(f"{name}: the tokenizer fails on a plain sentence", "Save or download it again."):
        tokenizer(_PROBE)
    if not isinstance(tokenizer.chat_template, str | dict | None):
        raise ModelError(
            f"{name}: the tokenizer's chat template is no text.",
            "Set chat_template in tokenizer_config.json to a Jinja template, or delete it.",
        )
    return tokenizer


def load_config(folder: Path, name: str, **source: Any) -> PreTrainedConfig:
    """Load a model's configuration from a folder.

    **Raises:**

    `ModelError` if transformers knows no such model.
    """
    from transformers import AutoConfig

    with no_telemetry(), loading(f"{name}: the model can't be loaded", _REMEDY, folder):
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, **source
        )
        # Some tokenizers are loaded by the name of their model on the Hub.
        config._name_or_path = name
    return config


def _model(
    folder: Path, dtype: torch.dtype, held: Stored, name: str, **source: Any
) -> PreTrainedModel:
    from transformers import AutoModelForCausalLM

    with (
        quiet_progress(),
        no_telemetry(),
        no_larger_than(held, name),
        loading(f"{name}: the model can't be loaded", _REMEDY, folder),
        enough_room(name),
    ):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=dtype,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told of below
            local_files_only=True,
            **source,
        )
    model, report = loaded
    _check_whole(model, report, name)
    return model  # type: ignore[no-any-return]


def _check_whole(model: PreTrainedModel, report: Any, name: str) -> None:
    """Refuse a model with weights that aren't those of its files."""
    mismatched = sorted(report["mismatched_keys"])
    if mismatched:
        key, stored_shape, shape = mismatched[0]
        raise ModelError(
            f"{name}: {len(mismatched)} weights have other shapes than config.json says: {key} is "
            f"{tuple(stored_shape)}, not {tuple(shape)}.",
            "Save or download the model again; config.json and weights don't belong together.",
        )
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"{name}: {len(missing)} weights are missing and would be random ({missing[0]}, ...). "
            "It is no causal language model, or has no output head.",
            "Use a checkpoint of a causal language model: one that predicts the next token.",
        )
    layers = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    if layers is not None and (not isinstance(layers, int) or layers < 1):
        raise ModelError(
            f"{name}: a model can't have {layers!r} layers.",
            "Set num_hidden_layers in config.json to as many as there are in the weights.",
        )


@contextmanager
def quiet_progress() -> Iterator[None]:
    """Libraries draw no bars of their own: the scan shows its progress, or none."""
    from transformers.utils import logging

    had = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if had:
            logging.enable_progress_bar()


def enough_room(name: str) -> AbstractContextManager[None]:
    """Say what to do if the model doesn't fit into memory; errors as in `enough_memory`."""
    return enough_memory(
        f"{name}: there is too little memory for the model",
        "Use a smaller model, `dtype` bfloat16, or a machine with more memory.",
    )


def _rename(model: PreTrainedModel, name: str) -> PreTrainedModel:
    """The model under the name that the user gave, not that of a folder of links."""
    model.name_or_path = name
    model.config._name_or_path = name
    return model
