"""PEFT adapters: merged into the weights of their base model."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn
from transformers import PreTrainedModel

from gradsentry.errors import ModelError
from gradsentry.models.bounds import MOST_LAYERS, check_counts, no_larger_than, read_stored
from gradsentry.models.model_faults import loading
from gradsentry.models.model_files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    ModelFiles,
    find_adapter_files,
    read_json,
)
from gradsentry.models.network import no_telemetry
from gradsentry.models.pretrained import Pretrained, enough_room, load_tokenizer

_PREFIX = "base_model.model."
"""Stands before the names of the base's modules in an adapter's weights."""

_MOST_QUANTIFIERS = 8
_QUANTIFIER = re.compile(r"[*+{]")
_QUANTIFIED_GROUP = re.compile(r"\)[*+{]")

_UNMERGEABLE = "Only adapters that can be merged into the weights, such as LoRA, can be scored."


def read_base(folder: Path) -> str:
    """The folder or Hub id that an adapter names as its base model.

    A path that begins with a dot is looked up from the adapter's folder first, then from the
    current one.

    **Raises:**

    `ModelError` if the adapter can't be read or names none.
    """
    find_adapter_files(folder)
    base = _raw_config(folder).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ModelError(
            f"{folder}: the adapter doesn't name its base model.",
            f"Set base_model_name_or_path in {ADAPTER_CONFIG}.",
        )
    beside = folder / base
    return str(beside) if base.startswith(".") and beside.is_dir() else base


def load_adapted(base: Pretrained, folder: Path, name: str) -> Pretrained:
    """A base model with an adapter merged into it, with the adapter's tokenizer if it has one.

    **Raises:**

    `ModelError` if they don't fit together.
    """
    files = find_adapter_files(folder)
    tokenizer = base.tokenizer
    if "tokenizer_config.json" in files.others:
        with files.alone() as alone:
            tokenizer = load_tokenizer(alone, str(folder), base.model.config)
    model = merge_adapter(base.model, folder, base.name, len(tokenizer))
    parts = f"{base.revision}\n{files.digest()}"
    revision = f"sha256:{hashlib.sha256(parts.encode()).hexdigest()}"
    return Pretrained(model, tokenizer, name, revision, adapted=True)


def merge_adapter(
    model: PreTrainedModel, path: Path, base: str, tokens: int = 0
) -> PreTrainedModel:
    """A model with the adapter in a folder merged into its weights; changes the model, too.

    **Arguments:**

    - `base`: the model's name.
    - `tokens`: how many the tokenizer has that the adapter was trained with, where it is known.

    **Raises:**

    `ModelError` if they don't fit together.
    """
    files = find_adapter_files(path)
    shapes = _shapes(files)
    with (
        files.alone() as alone,
        loading(
            f"{path}: the adapter can't be merged into its base model {base}",
            f"Check base_model_name_or_path in {ADAPTER_CONFIG}. {_UNMERGEABLE}",
        ),
        enough_room(str(path)),
        no_telemetry(),
        warnings.catch_warnings(),
        no_larger_than(read_stored(files.weight_paths), str(path)),
    ):
        from peft import PeftModel

        # Else weights that aren't there are left as they begin.
        warnings.filterwarnings("error", message="Found missing adapter keys")
        config = _config(alone, path, model, shapes)
        _grow_vocabulary(model, config, shapes, tokens)
        # Weights have no memory before they are loaded; some kinds compute their beginning.
        empty = not isinstance(getattr(config, "init_lora_weights", True), str)
        peft_model = PeftModel.from_pretrained(
            model,
            str(alone),
            config=config,
            low_cpu_mem_usage=empty,
            torch_device=str(model.device),
        )
        merged: PreTrainedModel = peft_model.merge_and_unload()
    return merged


def _raw_config(folder: Path) -> dict[str, Any]:
    raw = read_json(folder / ADAPTER_CONFIG)
    if not isinstance(raw, dict):
        raise ModelError(
            f"{folder / ADAPTER_CONFIG}: it is no JSON object.", "Save the adapter again."
        )
    return raw


def _config(
    alone: Path, folder: Path, model: PreTrainedModel, shapes: dict[str, tuple[int, ...]]
) -> Any:
    """The adapter's configuration without anything in it that isn't safe to follow."""
    try:
        from peft import PeftConfig
    except ImportError:
        raise ModelError(
            f"{folder}: loading a PEFT adapter needs the package peft.",
            "Install it with: pip install 'gradsentry[adapters]'.",
        ) from None
    raw, where = _raw_config(folder), folder / ADAPTER_CONFIG
    check_counts(raw, str(where))
    with loading(
        f"{where}: the adapter's configuration can't be read",
        "Save the adapter again with a current version of peft.",
    ):
        config = PeftConfig.from_pretrained(str(alone))
    if config.is_prompt_learning or config.is_adaption_prompt or str(config.peft_type) == "XLORA":
        raise ModelError(f"{where}: a {raw['peft_type']} adapter can't be merged.", _UNMERGEABLE)
    config.inference_mode = True
    if hasattr(config, "megatron_config"):
        config.megatron_config = None  # PEFT would import a module that the adapter names
    _check_sizes(raw, shapes, where)
    if isinstance(config.target_modules, str) and config.target_modules != "all-linear":
        _name_targets(config, model, shapes)
    for pattern in _patterns(config):
        if len(_QUANTIFIER.findall(pattern)) > _MOST_QUANTIFIERS or _QUANTIFIED_GROUP.search(
            pattern
        ):
            raise ModelError(
                f"{where}: the pattern {pattern[:100]!r} may take forever to compare.",
                "Name the modules there in a list.",
            )
    return config


def _check_sizes(raw: dict[str, Any], shapes: dict[str, tuple[int, ...]], where: Path) -> None:
    """Refuse ranks larger than anything in the weights, and more layers than any model has."""
    longest = max((side for shape in shapes.values() for side in shape), default=0)
    patterns = raw.get("rank_pattern")
    ranks = [raw.get("r"), *(patterns.values() if isinstance(patterns, dict) else ())]
    for rank in ranks:
        # Other kinds take whole matrices for a rank above their size.
        if raw.get("peft_type") == "LORA" and isinstance(rank, int) and not 0 < rank <= longest:
            raise ModelError(
                f"{where}: a rank of {rank:,} doesn't go with weights of at most {longest:,} rows.",
                "Save the adapter again; its configuration and weights don't belong together.",
            )
    replicated = sum(end - start for start, end in raw.get("layer_replication") or [])
    if replicated > MOST_LAYERS:
        raise ModelError(
            f"{where}: layer_replication makes {replicated:,} layers.",
            f"No model has more than {MOST_LAYERS:,}. Save the adapter again.",
        )


def _name_targets(config: Any, model: PreTrainedModel, shapes: dict[str, tuple[int, ...]]) -> None:
    """Take the names of the modules from the weights, not from a pattern that a stranger wrote."""
    from peft.mapping import PEFT_TYPE_TO_PREFIX_MAPPING

    mark = "." + str(PEFT_TYPE_TO_PREFIX_MAPPING[config.peft_type])
    found = {key.removeprefix(_PREFIX).partition(mark)[0] for key in shapes if mark in key}
    if found and found <= {name for name, _ in model.named_modules()}:
        config.target_modules = found
        config.exclude_modules = None
        if hasattr(config, "layers_to_transform"):
            config.layers_to_transform = config.layers_pattern = None


def _patterns(config: Any) -> Iterator[str]:
    """The regular expressions in an adapter's configuration."""
    for name in ("target_modules", "exclude_modules", "layers_pattern", "target_parameters"):
        value = getattr(config, name, None)
        if isinstance(value, str):
            yield value
        elif name == "layers_pattern":
            yield from value or ()
    for name in ("rank_pattern", "alpha_pattern"):
        yield from getattr(config, name, None) or {}


def _shapes(files: ModelFiles) -> dict[str, tuple[int, ...]]:
    """The names and shapes of an adapter's weights."""
    path = files.folder / ADAPTER_WEIGHTS
    with (
        loading(f"{path}: the weights can't be loaded", "Save or download this file again."),
        safe_open(str(path), framework="pt") as file,
    ):
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def _grow_vocabulary(
    model: PreTrainedModel, config: Any, shapes: dict[str, tuple[int, ...]], tokens: int
) -> None:
    """Give the base as many tokens as the adapter was trained with.

    PEFT leaves this to its callers. New tokens begin as the mean of the others, as transformers
    adds them; what was trained of them is in the adapter.
    """
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    if not isinstance(embeddings, nn.Module) or not isinstance(head, nn.Module):
        return
    weight = embeddings.weight
    assert isinstance(weight, torch.Tensor)
    have = weight.shape[0]
    names = [name for name, each in model.named_modules() if each is embeddings or each is head]
    rows = {size for key, shape in shapes.items() if (size := _vocabulary(key, shape, names))}
    trained = getattr(config, "trainable_token_indices", None) or []
    lists = trained.values() if isinstance(trained, dict) else [trained]
    if not rows and any(have <= index < tokens for each in lists for index in each):
        rows = {tokens}
    if len(rows) == 1 and rows != {have}:
        _resize(model, rows.pop(), have)


def _vocabulary(key: str, shape: tuple[int, ...], names: list[str]) -> int | None:
    """The size of the vocabulary that a weight of an adapter tells, if it does."""
    module = key.removeprefix(_PREFIX)
    if len(shape) != 2 or not module.startswith(tuple(f"{name}." for name in names)):
        return None
    if "lora_embedding_A" in key:
        return shape[1]
    whole = key.endswith(".weight") and "lora_" not in key
    return shape[0] if whole or key.endswith("lora_B.weight") else None


@torch.no_grad()
def _resize(model: PreTrainedModel, rows: int, have: int) -> None:
    with torch.random.fork_rng(devices=[]):
        model.resize_token_embeddings(rows, mean_resizing=False)
    for module in (model.get_input_embeddings(), model.get_output_embeddings()):
        for name in ("weight", "bias"):
            values = getattr(module, name, None)
            if isinstance(values, torch.Tensor) and rows > have:
                values[have:] = values[:have].float().mean(0).to(values.dtype)
