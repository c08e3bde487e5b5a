"""What a model's name stands for: a GGUF file, an adapter, a folder or a model on the Hub."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from gradsentry.errors import ModelError
from gradsentry.models.adapters import read_base
from gradsentry.models.bounds import check_counts, read_stored
from gradsentry.models.default_model import NAME
from gradsentry.models.hub import check_hub
from gradsentry.models.model_faults import loading
from gradsentry.models.model_files import (
    ADAPTER_CONFIG,
    CONFIG,
    check_file,
    find_adapter_files,
    find_model_files,
    read_json,
)

_LONGEST_PART, _LONGEST_PATH = 255, 4095  # longer ones are an error to look up


class Kind(Enum):
    """What there is at a reference."""

    GGUF = auto()
    ADAPTER = auto()
    FOLDER = auto()
    HUB = auto()


def tell_kind(reference: str | Path) -> Kind:
    """What a reference stands for, by what is there; goes to no network.

    **Raises:**

    `ModelError` if it looks like a path and there is nothing, or no model.
    """
    name, path = str(reference), Path(reference)
    if (
        not name.strip()
        or "\0" in name
        or len(name) > _LONGEST_PATH
        or any(len(part.encode("utf-8", "replace")) > _LONGEST_PART for part in path.parts)
    ):
        raise ModelError(f"{name[:80]!r}: no such file or folder.", "Check the path of the model.")
    with loading(f"{name}: the model can't be looked up", "Check the path and its permissions."):
        if path.is_dir():
            adapter = (path / ADAPTER_CONFIG).exists()
            return Kind.ADAPTER if adapter else Kind.FOLDER
        if path.exists():
            return _kind_of_file(path)
    if (
        isinstance(reference, Path)
        or path.is_symlink()
        or name.startswith((".", "/", "~"))
        or "\\" in name
        or name.count("/") > 1
        or path.suffix in (".gguf", ".safetensors", ".bin")
    ):
        raise ModelError(f"{name}: no such file or folder.", "Check the path of the model.")
    return Kind.HUB


def names_default(reference: str | Path | None) -> bool:
    """Whether a reference is the default model: None, or its name where nothing else has it."""
    return reference is None or (str(reference) == NAME and tell_kind(reference) is Kind.HUB)


def check_reference(reference: str | Path | None, revision: str | None = None) -> None:
    """Refuse a model that can't be loaded, before any work is done for it; reads no weights.

    Only a Hub id, also as the base of an adapter, goes to the network, and fetches a
    configuration of a few bytes.

    **Arguments:**

    - `reference`: as `load_model` takes it.
    - `revision`: of a model on the Hub.

    **Raises:**

    `ModelError` if there is no such model, or its files can't be those of one.
    """
    if names_default(reference):
        return
    assert reference is not None
    kind, path = tell_kind(reference), Path(reference)
    if kind is Kind.HUB:
        check_hub(str(reference), revision)
    elif kind is Kind.FOLDER:
        files, config = find_model_files(path), read_json(path / CONFIG)
        check_counts(config, str(path / CONFIG))
        read_stored(files.weight_paths)
    elif kind is Kind.ADAPTER:
        read_stored(find_adapter_files(path).weight_paths)
        base = read_base(path)
        if tell_kind(base) is not Kind.ADAPTER:
            check_reference(base, revision)
        else:
            check_base(path, base)


def check_base(adapter: Path, base: str) -> None:
    """Refuse a base model that is an adapter itself, and no model beside that.

    **Raises:**

    `ModelError` then.
    """
    if not (Path(base) / CONFIG).exists():
        raise ModelError(
            f"{adapter}: its base model {base} is an adapter, too.",
            "Merge that one into its own base model, and name the result as the base.",
        )


def _kind_of_file(path: Path) -> Kind:
    check_file(path)
    if path.suffix == ".gguf":
        with path.open("rb") as file:
            if file.read(4) == b"GGUF":
                return Kind.GGUF
        raise ModelError(f"{path}: this is no GGUF file.", "Download or convert it again.")
    raise ModelError(
        f"{path}: this is a file, and no GGUF file.",
        "Name the folder that holds the model's config.json and weights, or a GGUF file.",
    )
