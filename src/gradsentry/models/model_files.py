"""The files of a local model: which of them are read, and a folder that holds no others.

A model's folder comes from a stranger. It may hold pickles, code and links, and its own
configuration may name further files. So the files that loading may read are listed first, and the
loaders see a folder with links to these alone: what isn't in the list isn't there for them, and the
digest over the list covers all that a model is made of.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from gradsentry.errors import ModelError
from gradsentry.models.model_faults import loading, reason_of

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

TOKENIZER_PATTERNS = (
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tekken.json",
    "*vocab*.json",
    "*vocab*.txt",
    "merges.txt",
    "dict.txt",
    "bpe.codes",
    "emoji.json",
    "byte_maps.json",
    "normalizer.json",
    "word_*.json",
    "*.model",
    "*.spm",
    "*.tiktoken",
    "*.tokenizer",
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
)
"""What the tokenizers of transformers read, by name; none of it is code."""

_GENERATION_CONFIG = "generation_config.json"
_LARGEST_TEXT = 256 << 20
"""Bytes of a configuration, tokenizer or template. The largest tokenizers have 50 million."""

_NOT_OBEYED = frozenset(
    {
        "_attn_implementation",
        "_attn_implementation_internal",
        "attn_implementation",
        "_experts_implementation",
        "_experts_implementation_internal",
        "experts_implementation",
        "configuration_files",
        "fusion_config",
        "num_labels",
        "transformers_weights",
    }
)
"""What a configuration says about how a model is loaded and computed, or about classes that a
language model doesn't have. Some of it names compiled code on the Hub, or other files."""

_AGAIN = "Save or download the model again."
_NO_ROOM = "Set TMPDIR to a folder with some room that you can write to."
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model or an adapter in a folder that loading may read."""

    folder: Path
    weights: tuple[str, ...]
    """Files of safetensors."""
    others: tuple[str, ...]
    """All else: configurations, index, tokenizer, chat templates."""

    @property
    def weight_paths(self) -> list[Path]:
        """Where the weights lie."""
        return [self.folder / name for name in self.weights]

    def digest(self) -> str:
        """One SHA-256 over names and contents of all files."""
        names = sorted([*self.weights, *self.others])
        return digest_of([(name, self.folder / name) for name in names])

    @contextmanager
    def alone(self) -> Iterator[Path]:
        """A folder with links to these files alone, for loaders to read."""
        with scratch_folder() as scratch:
            for file in (*self.weights, *self.others):
                self._show(file, scratch / file)
            yield scratch

    def _show(self, file: str, place: Path) -> None:
        """Make a file appear at a place, as far as it is obeyed."""
        content: object = None
        if file == CONFIG:
            content = _obeyed(read_json(self.folder / file))
        elif file == INDEX:
            content = {"metadata": {}, **read_json(self.folder / file)}
        with loading(f"{place}: a file can't be put here", _NO_ROOM):
            place.parent.mkdir(exist_ok=True)
            if content is None:
                link(self.folder / file, place)
            else:
                place.write_text(json.dumps(content), encoding="utf-8")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder that is gone afterwards.

    **Raises:**

    `ModelError` if there can be none.
    """
    with loading("No temporary folder can be made", _NO_ROOM):
        folder = tempfile.TemporaryDirectory(prefix="gradsentry-model-", ignore_cleanup_errors=True)
    with folder as name:
        yield Path(name).absolute()


def link(path: Path, place: Path) -> None:
    """Make a file appear at another place, by a link or, where the system has none, a copy."""
    try:
        place.symlink_to(path.absolute())
    except OSError:  # on Windows links are a privilege
        import shutil

        shutil.copyfile(path, place)


def find_model_files(folder: Path) -> ModelFiles:
    """The files of a model in a local folder.

    **Raises:**

    `ModelError` if its configuration or weights aren't there, aren't files, or are pickled.
    """
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict):
        raise ModelError(f"{folder / CONFIG}: it is no JSON object.", "Save the model again.")
    found = list(_present(folder, (CONFIG, _GENERATION_CONFIG, *TOKENIZER_PATTERNS)))
    weights, index = _weights(folder)
    for name in weights:
        check_file(folder / name)
    return ModelFiles(folder, weights, (*found, *index))


def find_described(folder: Path) -> ModelFiles:
    """As `find_model_files`, of a folder that may have no weights, or not all of them."""
    check_file(folder / CONFIG)
    others = tuple(_present(folder, (CONFIG, _GENERATION_CONFIG, *TOKENIZER_PATTERNS)))
    has_any = (folder / WEIGHTS).exists() or (folder / INDEX).exists()
    weights, index = _weights(folder) if has_any else ((), ())
    whole = all((folder / name).exists() for name in weights)
    return ModelFiles(folder, weights if whole else (), (*others, *index))


def find_adapter_files(folder: Path) -> ModelFiles:
    """The files of a PEFT adapter in a local folder, with those of its tokenizer if it has one.

    **Raises:**

    `ModelError` if its configuration or weights aren't there, aren't files, or are pickled.
    """
    check_file(folder / ADAPTER_CONFIG)
    if not (folder / ADAPTER_WEIGHTS).exists():
        raise ModelError(
            f"{folder}: the adapter's weights aren't there as {ADAPTER_WEIGHTS}.",
            "Save the adapter again with a current version of peft; pickled weights aren't loaded.",
        )
    check_file(folder / ADAPTER_WEIGHTS)
    others = [ADAPTER_CONFIG]
    if (folder / "tokenizer_config.json").exists():
        others += _present(folder, TOKENIZER_PATTERNS)
    return ModelFiles(folder, (ADAPTER_WEIGHTS,), tuple(others))


def check_file(path: Path) -> None:
    """Refuse what is no plain file: a folder, a pipe, a device, a link that leads nowhere.

    Links to files are followed, as the Hub's cache is made of them.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ModelError(
            f"{path}: the file can't be read ({error.strerror or error}).",
            "Check the folder of the model; it needs this file.",
        ) from None
    if not stat.S_ISREG(mode):
        raise ModelError(
            f"{path}: this is no plain file.",
            "Put the model's own file there; pipes, devices and folders aren't read.",
        )


def read_json(path: Path) -> Any:
    """What a file of JSON holds.

    **Raises:**

    `ModelError` if it is no plain file, too large, or no JSON.
    """
    with loading(f"{path}: the file can't be read as JSON", _AGAIN):
        return json.loads(_read_text(path))


def read_weights_index(index: Path) -> tuple[str, ...]:
    """The files that an index of weights names, all beside it, all of safetensors.

    **Raises:**

    `ModelError` if it names others, or none.
    """
    content = read_json(index)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    values = list(weight_map.values()) if isinstance(weight_map, dict) else []
    if not values or not all(isinstance(value, str) for value in values):
        raise ModelError(
            f"{index}: its weight_map doesn't say which files hold the weights.",
            _AGAIN,
        )
    names = sorted(set(values))
    for name in names:
        if not name.endswith(".safetensors") or name != Path(name).name or "\\" in name:
            raise ModelError(
                f"{index}: it names {name!r}, which is no file of safetensors beside it.",
                "Weights are read from safetensors in the model's own folder only. Save the model "
                "again with save_pretrained, or download it again.",
            )
    return tuple(names)


def digest_of(files: list[tuple[str, Path]]) -> str:
    """One SHA-256 over names and contents, so that a verdict names the model it rests on."""
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())
        digest.update(file_digest(path).digest())
    return f"sha256:{digest.hexdigest()}"


def file_digest(path: Path) -> hashlib._Hash:
    """The SHA-256 of a file.

    **Raises:**

    `ModelError` if it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise ModelError(
            f"{path}: the file can't be read ({reason_of(error)}).", "Check its permissions."
        ) from None


def _weights(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of weights, and the index that names them if there is one."""
    if (folder / WEIGHTS).exists():
        return (WEIGHTS,), ()
    if (folder / INDEX).exists():
        return read_weights_index(folder / INDEX), (INDEX,)
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise no_safetensors(str(folder), f"its weights are pickled ({pickles[0]})")
    raise ModelError(
        f"{folder}: there are no weights here: neither {WEIGHTS} nor {INDEX}.",
        "Name a folder with config.json and safetensors weights, as save_pretrained writes it, or "
        "a GGUF file itself.",
    )


def no_safetensors(model: str, problem: str) -> ModelError:
    """The error for a model that may have pickled weights, with the way to convert them."""
    kind, quoted = "AutoModelForCausalLM", json.dumps(model)
    code = (
        f"from transformers import {kind}, AutoTokenizer; "
        f'{kind}.from_pretrained({quoted}).save_pretrained("converted"); '
        f'AutoTokenizer.from_pretrained({quoted}).save_pretrained("converted")'
    )
    return ModelError(
        f"{model}: {problem}. Only safetensors are loaded, as a pickle can run code.",
        "If you trust where it comes from, convert it once and name the folder converted: "
        f"{Path(sys.executable).name} -c {shlex.quote(code)}\nFor a model on the Hub, "
        "https://huggingface.co/spaces/safetensors/convert does it.",
    )


def _present(folder: Path, patterns: tuple[str, ...]) -> Iterator[str]:
    """Names of the files in a folder that fit a pattern, each checked, in order."""
    with loading(f"{folder}: the folder can't be read", "Check its permissions."):
        inner = folder / "additional_chat_templates"
        paths = [*folder.iterdir(), *(inner.iterdir() if inner.is_dir() else ())]
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    for name in names:
        # One pattern's star must not reach into a folder.
        fits = (name.count("/") == each.count("/") and fnmatchcase(name, each) for each in patterns)
        if any(fits):
            _check_readable(folder / name)
            yield name


def _check_readable(path: Path) -> None:
    """Refuse a file that isn't what its name says; loaders don't say which file was broken."""
    if path.suffix == ".json":
        read_json(path)
    elif path.suffix in (".jinja", ".txt"):
        _read_text(path)
    else:
        check_file(path)


def _read_text(path: Path) -> str:
    check_file(path)
    with loading(f"{path}: the file can't be read", _AGAIN):
        size = path.stat().st_size
        if size > _LARGEST_TEXT:
            raise ModelError(f"{path}: {size:,} bytes are too many for such a file.", _AGAIN)
        return path.read_text(encoding="utf-8")


def _obeyed(config: Any) -> Any:
    """A configuration without what isn't obeyed, in its inner configurations, too."""
    if isinstance(config, dict):
        return {key: _obeyed(value) for key, value in config.items() if key not in _NOT_OBEYED}
    if isinstance(config, list):
        return [_obeyed(value) for value in config]
    return config
