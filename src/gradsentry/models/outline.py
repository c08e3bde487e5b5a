"""What a model will cost, from its configuration and the headers of its weights, which stay unread.

A tokenizer is loaded, as rows can't be counted in tokens without one. Nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import safe_open
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from gradsentry.errors import ModelError
from gradsentry.models import default_model
from gradsentry.models.adapters import read_base
from gradsentry.models.bounds import check_counts, read_stored_gguf
from gradsentry.models.hub import fetch_described, read_remote_headers
from gradsentry.models.language_model import said_positions
from gradsentry.models.model_faults import loading
from gradsentry.models.model_files import (
    ADAPTER_CONFIG,
    CONFIG,
    ModelFiles,
    find_adapter_files,
    find_described,
    find_model_files,
    link,
    read_json,
    scratch_folder,
)
from gradsentry.models.pretrained import load_config, load_tokenizer
from gradsentry.models.references import (
    Kind,
    check_base,
    check_reference,
    names_default,
    tell_kind,
)
from gradsentry.models.shared_prefixes import may_share

_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
_CHOSEN = ("num_experts_per_tok", "num_experts_per_token", "moe_topk")
"""How configurations call the experts of a layer, and those that a token goes through."""

_TABLES = ("embed", "embd", "wte", "wpe")
"""What the names of tables hold, of which a token takes a row."""

_PACKED = ("I", "U", "F4")
"""How the kinds of numbers begin that hold several weights each, where a model is quantized."""
_PACKED_BITS = 4
"""Of a weight there, where the configuration doesn't say."""

Tensor = tuple[str, tuple[int, ...], int]
"""Name, shape and weights of what is stored."""


@dataclass(frozen=True)
class ModelOutline:
    """What a scan's costs depend on."""

    name: str
    """As the user named it."""
    tokenizer: PreTrainedTokenizerBase
    weights: int
    """All of them; experts that a token doesn't go through, too."""
    body: int
    """Those that every token is multiplied by: without embeddings, output head and other experts.
    """
    hidden: int
    intermediate: int
    vocabulary: int
    max_positions: int | None
    shares_prefixes: bool
    """Whether the configuration says nothing against computing shared prefixes once. A scan finds
    it out on a probe, with the weights."""


def outline_model(
    reference: str | Path | None,
    revision: str | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> ModelOutline:
    """The outline of a model; arguments as `load_model` takes them.

    Of a Hub id the configuration, the tokenizer and, where no weights are in the cache, their
    headers are fetched. The default model is fetched as a whole if this is its first use.

    **Raises:**

    `ModelError` if it can't be one.
    """
    check_reference(reference, revision)
    if reference is None or names_default(reference):
        folder = default_model.default_model_folder(announce)
        outline = _of_files(find_model_files(folder), default_model.NAME)
        outline.tokenizer.chat_template = default_model.chat_template()
        return outline
    return _outline(reference, revision)


def _outline(reference: str | Path, revision: str | None) -> ModelOutline:
    name, path = str(reference), Path(reference)
    kind = tell_kind(reference)
    if kind is Kind.GGUF:
        return _of_gguf(path, name)
    if kind is Kind.ADAPTER:
        return _of_adapter(path, revision, name)
    if kind is Kind.FOLDER:
        return _of_files(find_model_files(path), name)
    folder = fetch_described(name, revision)
    if (folder / ADAPTER_CONFIG).exists():
        return _of_adapter(folder, None, name)
    files = find_described(folder)
    headers = None if files.weights else read_remote_headers(name, folder.name)
    return _of_files(files, name, headers)


def _of_adapter(path: Path, revision: str | None, name: str) -> ModelOutline:
    """The base's outline, as an adapter is merged, with the adapter's tokenizer if it has one."""
    base = read_base(path)
    if tell_kind(base) is Kind.ADAPTER:
        check_base(path, base)
        outline = _of_files(find_model_files(Path(base)), name)
    else:
        outline = replace(_outline(base, revision), name=name)
    files = find_adapter_files(path)
    if "tokenizer_config.json" in files.others:
        with files.alone() as alone:
            outline = replace(outline, tokenizer=load_tokenizer(alone, name, None))
    return outline


def _of_files(
    files: ModelFiles, name: str, headers: Iterator[tuple[str, tuple[int, ...], str]] | None = None
) -> ModelOutline:
    """The outline of a model from its files.

    **Arguments:**

    - `headers`: of its weights, if these aren't among the files.
    """
    raw = read_json(files.folder / CONFIG)
    check_counts(raw, str(files.folder / CONFIG))
    quantized = raw.get("quantization_config")
    bits = None if quantized is None else _bits(quantized)
    with files.alone() as folder:
        config = load_config(folder, name)
        tokenizer = load_tokenizer(folder, name, config)
    stored = _headers(files) if headers is None else headers
    tensors = [(tensor, shape, _weights(shape, kind, bits)) for tensor, shape, kind in stored]
    return _described(tensors, config, tokenizer, name)


def _of_gguf(path: Path, name: str) -> ModelOutline:
    from gguf import GGUFReader

    read_stored_gguf(path)
    with scratch_folder() as scratch:
        alone = scratch / "model.gguf"
        link(path, alone)
        config = load_config(scratch, name, gguf_file=str(alone))
        tokenizer = load_tokenizer(scratch, name, None, gguf_file=str(alone))
    tensors = [
        (str(tensor.name), tuple(map(int, tensor.shape)), int(tensor.n_elements))
        for tensor in GGUFReader(path).tensors
    ]
    return _described(tensors, config, tokenizer, name)


def _headers(files: ModelFiles) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Name, shape and kind of number of what is stored, by the files' headers."""
    for path in files.weight_paths:
        with (
            loading(f"{path}: the weights can't be read", "Download or save this file again."),
            safe_open(str(path), framework="numpy") as file,
        ):
            for name in file.keys():  # noqa: SIM118  # it is no dictionary
                part = file.get_slice(name)
                yield name, tuple(part.get_shape()), str(part.get_dtype())


def _bits(quantized: Any) -> int:
    found = [
        value
        for key in ("bits", "num_bits", "w_bit")
        if isinstance(quantized, dict) and isinstance(value := quantized.get(key), int)
    ]
    return found[0] if found and 0 < found[0] <= 16 else _PACKED_BITS


def _weights(shape: tuple[int, ...], kind: str, bits: int | None) -> int:
    """How many weights a tensor stands for."""
    elements = 1
    for side in shape:
        elements *= side
    if bits is None or not kind.startswith(_PACKED):
        return elements
    size = int("".join(filter(str.isdigit, kind)) or 8)
    return max(elements, elements * size // bits)


def _described(
    tensors: list[Tensor],
    config: PreTrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    name: str,
) -> ModelOutline:
    text = config.get_text_config()
    hidden, vocabulary = (_size(text, key, name) for key in ("hidden_size", "vocab_size"))
    share = _share_of_experts(text)
    body = 0.0
    for tensor, shape, weights in tensors:
        if (len(shape) == 2 and vocabulary in shape) or any(word in tensor for word in _TABLES):
            continue
        routed = ("expert" in tensor and "shared" not in tensor) or "_exps" in tensor
        body += weights * (share if routed else 1.0)
    inner = getattr(text, "intermediate_size", None)
    return ModelOutline(
        name=name,
        tokenizer=tokenizer,
        weights=sum(weights for _, _, weights in tensors),
        body=round(body),
        hidden=hidden,
        intermediate=inner if isinstance(inner, int) and inner > 0 else 4 * hidden,
        vocabulary=vocabulary,
        max_positions=said_positions(config, name),
        shares_prefixes=may_share(config),
    )


def _size(config: PreTrainedConfig, key: str, name: str) -> int:
    value = getattr(config, key, None)
    if not isinstance(value, int) or value < 1:
        raise ModelError(
            f"{name}: {key} can't be {value!r}.", "Set it in config.json as the weights have it."
        )
    return value


def _share_of_experts(config: PreTrainedConfig) -> float:
    """The part of a layer's experts that a token goes through."""

    def number(names: tuple[str, ...]) -> int | None:
        values = (getattr(config, name, None) for name in names)
        return next((value for value in values if isinstance(value, int) and value > 0), None)

    experts, chosen = number(_EXPERTS), number(_CHOSEN)
    return 1.0 if experts is None or chosen is None else min(1.0, chosen / experts)
