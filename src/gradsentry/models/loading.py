"""Loading models of every kind: folders, GGUF files, adapters, Hub ids, and the default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from gradsentry._turns import taking_turns
from gradsentry.errors import ModelError
from gradsentry.models import default_model
from gradsentry.models.adapters import load_adapted, read_base
from gradsentry.models.hub import fetch_folder
from gradsentry.models.language_model import LanguageModel
from gradsentry.models.model_faults import reason_of
from gradsentry.models.model_files import ADAPTER_CONFIG, find_model_files
from gradsentry.models.model_options import ModelOptions, resolve_device, resolve_dtype
from gradsentry.models.pretrained import Pretrained, load_files, load_gguf
from gradsentry.models.quantized import quantize_body
from gradsentry.models.references import Kind, check_base, names_default, tell_kind
from gradsentry.models.split_model import (
    SPLIT,
    free_room,
    gpus_to_split_over,
    split_model,
)


def load_model(
    reference: str | Path | None,
    options: ModelOptions = ModelOptions(),
    announce: Callable[[str], None] = lambda _: None,
) -> LanguageModel:
    """Load a causal language model.

    **Arguments:**

    - `reference`: a Hub id, a local folder, a GGUF file, a PEFT adapter folder, or None for the
        default model, whose name stands for it, too: adapters call their base by it. Only a Hub id
        (also as an adapter's base) and the first use of the default model go to the network.
    - `announce`: called with one line before anything is downloaded.

    **Raises:**

    `ModelError` if it can't be loaded or can't score; `OptionError` for an impossible device.
    """
    loaded = load_pretrained(reference, options, announce)
    return LanguageModel.wrap(
        loaded.model, loaded.tokenizer, name=loaded.name, revision=loaded.revision
    )


@taking_turns
def load_pretrained(
    reference: str | Path | None,
    options: ModelOptions = ModelOptions(),
    announce: Callable[[str], None] = lambda _: None,
) -> Pretrained:
    """Load a model and its tokenizer; arguments and errors as in `load_model`."""
    device = resolve_device(options.device)
    dtype = resolve_dtype(options.dtype, device)
    loaded = _load(reference, dtype, options.revision, announce)
    try:
        quantize_body(loaded.model, options.quantize, device)
        if options.device == SPLIT and len(devices := gpus_to_split_over()) > 1:
            split_model(loaded.model, devices, free_room(devices), loaded.name)
            return loaded
        model = loaded.model.to(device)  # type: ignore[arg-type]
    except RuntimeError as error:
        raise ModelError(
            f"{loaded.name}: the model doesn't fit on {device} ({reason_of(error)}).",
            "Use a smaller model, `dtype` bfloat16, `quantize` 8bit or `device` cpu.",
        ) from None
    return replace(loaded, model=model)


def _load(
    reference: str | Path | None,
    dtype: torch.dtype,
    revision: str | None,
    announce: Callable[[str], None],
) -> Pretrained:
    """The model on the CPU, whatever it is."""
    if reference is None or names_default(reference):
        return default_model.load_default(dtype, announce)
    name, path = str(reference), Path(reference)
    kind = tell_kind(reference)
    if kind is Kind.GGUF:
        return load_gguf(path, dtype, name)
    if kind is Kind.ADAPTER:
        return _load_adapter(path, dtype, revision, name, announce)
    if kind is Kind.FOLDER:
        return load_files(find_model_files(path), dtype, name)
    folder = fetch_folder(name, revision)
    if (folder / ADAPTER_CONFIG).exists():
        return _load_adapter(folder, dtype, None, name, announce)
    return load_files(find_model_files(folder), dtype, name, folder.name)


def _load_adapter(
    path: Path,
    dtype: torch.dtype,
    revision: str | None,
    name: str,
    announce: Callable[[str], None],
) -> Pretrained:
    base = read_base(path)
    announce(f"Base model of the adapter: {base}")
    if tell_kind(base) is Kind.ADAPTER:
        check_base(path, base)
        loaded = load_files(find_model_files(Path(base)), dtype, base)
    else:
        loaded = _load(base, dtype, revision, announce)
    return load_adapted(loaded, path, name)
