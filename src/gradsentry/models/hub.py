"""Models on the Hugging Face Hub: their files in its cache. This goes to the network."""

from __future__ import annotations

from collections.abc import Iterator
from glob import escape
from pathlib import Path

from gradsentry.errors import ModelError
from gradsentry.models.model_faults import loading
from gradsentry.models.model_files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    CONFIG,
    INDEX,
    TOKENIZER_PATTERNS,
    WEIGHTS,
    no_safetensors,
    read_weights_index,
)
from gradsentry.models.network import no_telemetry
from gradsentry.models.pretrained import quiet_progress

_SMALL = (CONFIG, "generation_config.json", ADAPTER_CONFIG, INDEX, *TOKENIZER_PATTERNS)

_REMEDY = (
    "Check the name (owner/name) and the connection, and log in with `hf auth login` if the model "
    "is private or gated. A local folder is named by its path."
)


def check_hub(name: str, revision: str | None) -> None:
    """See that there is such a model; fetches no weights.

    **Raises:**

    `ModelError` if there is none, or it can't be reached and isn't in the cache.
    """
    _fetch(name, revision, (CONFIG, ADAPTER_CONFIG))


def fetch_folder(name: str, revision: str | None) -> Path:
    """The folder of a commit's files, fetched as far as a model needs them: no pickles, no code.

    Its name is the commit. Offline it is taken from the cache.

    **Raises:**

    `ModelError` if there is none, or it has no weights in safetensors.
    """
    folder = _fetch(name, revision, _SMALL)
    commit = folder.name
    if (folder / ADAPTER_CONFIG).exists():
        return _fetch(name, commit, (*_SMALL, ADAPTER_WEIGHTS))
    if (folder / INDEX).exists() and not (folder / WEIGHTS).exists():
        weights = read_weights_index(folder / INDEX)
    else:
        weights = (WEIGHTS,)
    folder = _fetch(name, commit, (*_SMALL, *map(escape, weights)))
    if not (folder / weights[0]).exists():
        raise no_safetensors(name, f"it has no {WEIGHTS} and no {INDEX}")
    return folder


def fetch_described(name: str, revision: str | None) -> Path:
    """The folder of a commit's files without weights, but for those that are in the cache already.

    **Raises:**

    `ModelError` if there is no such model.
    """
    folder = _fetch(name, revision, _SMALL)
    if (folder / ADAPTER_CONFIG).exists():
        return _fetch(name, folder.name, (*_SMALL, ADAPTER_WEIGHTS))
    return folder


def read_remote_headers(name: str, commit: str) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Name, shape and kind of number of a model's weights, by the headers of its files on the Hub.

    **Raises:**

    `ModelError` if they can't be read.
    """
    from huggingface_hub import get_safetensors_metadata

    with no_telemetry(), loading(f"{name}: the headers of its weights can't be read", _REMEDY):
        found = get_safetensors_metadata(name, revision=commit)
        tensors = [
            (tensor, tuple(map(int, info.shape)), str(info.dtype))
            for file in found.files_metadata.values()
            for tensor, info in file.tensors.items()
        ]
    yield from tensors


def _fetch(name: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    with (
        quiet_progress(),
        no_telemetry(),
        loading(f"{name}: the model can't be loaded from the Hub", _REMEDY),
    ):
        try:
            folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(patterns)))
        except LocalEntryNotFoundError as error:
            # Offline, what another program fetched is enough if the model is whole.
            partial = getattr(error, "snapshot_path", None)
            if partial is None:
                raise
            folder = Path(partial)
    if not (folder / CONFIG).exists() and not (folder / ADAPTER_CONFIG).exists():
        raise ModelError(
            f"{name}: it has no {CONFIG}, so it is no model that transformers knows.", _REMEDY
        )
    return folder
