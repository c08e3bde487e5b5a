"""From what the user names to a source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import datasets

from gradsentry.errors import InputError
from gradsentry.records.files import SUPPORTED, open_file
from gradsentry.records.source import Source
from gradsentry.records.tables import DatasetTable, FrameTable, RowList, open_folder, open_hub

_HUB_SCHEME = "hf://datasets/"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def open_source(data: object, *, subset: str | None = None, split: str | None = None) -> Source:
    """Open anything that holds rows.

    **Arguments:**

    - `data`: a path to a file or folder, a Hub data-set id (`owner/name` or
        `hf://datasets/owner/name`), a `Dataset`, a pandas data frame, or an iterable of dicts.
    - `subset`, `split`: which part of a data set with several.

    **Raises:**

    `InputError` if there is nothing to read.
    """
    if isinstance(data, str | Path):
        source = _open_name(str(data), subset, split)
        if not isinstance(source, DatasetTable) and (subset or split):
            raise InputError(f"{data}: a file has no splits.", "Leave out --split and --subset.")
        return source
    if isinstance(data, datasets.Dataset):
        return DatasetTable(data, "the data set", "parquet")
    if isinstance(data, datasets.DatasetDict):
        raise InputError(
            f"The data set has the splits {', '.join(data)}.", "Pass one of them: data['train']."
        )
    if type(data).__module__.partition(".")[0] == "pandas":
        return FrameTable(data)
    if isinstance(data, Iterable):
        return RowList(data if isinstance(data, list | tuple) else list(data))
    raise InputError(
        f"Data of type {type(data).__name__} can't be read.",
        "Pass a path, a Hub id, a Dataset, a data frame or an iterable of dicts.",
    )


def _open_name(name: str, subset: str | None, split: str | None) -> Source:
    if name.startswith(_HUB_SCHEME):
        return open_hub(name.removeprefix(_HUB_SCHEME), subset, split)
    path = Path(name)
    if path.is_dir():
        return open_folder(path, subset, split)
    # A mistyped path must not become a network call: an id has one slash, no known suffix,
    # and its first part is no folder here.
    looks_local = path.suffix in {".jsonl", ".json", ".csv", ".tsv", ".parquet", ".gz", ".txt"}
    if not path.exists() and _HUB_ID.fullmatch(name) and not looks_local:
        if not path.parent.is_dir():
            return open_hub(name, subset, split)
        raise InputError(
            f"{name}: no such file or folder.",
            f"Check the path; for a data set on the Hub write {_HUB_SCHEME}{name}.",
        )
    if not path.exists():
        raise InputError(
            f"{name}: no such file or folder.",
            f"Check the path. Files may be {SUPPORTED}; a Hub data set is named owner/name.",
        )
    return open_file(path)
