"""From what the user names to a source."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import datasets

from gradsentry.errors import InputError
from gradsentry.records.files import SUFFIXES, SUPPORTED, open_file
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
        try:
            if isinstance(data, str):
                source = _open_name(data, subset, split)
            else:
                source = _open_path(data, subset, split)  # a `Path` is never a Hub id
        except OSError as error:
            raise InputError(
                f"{data}: can't be read ({error.strerror}).", "Check the path and its permissions."
            ) from None
        if not isinstance(source, DatasetTable) and (subset or split):
            raise InputError(f"{data}: a file has no splits.", "Leave out --split and --subset.")
        return source
    if subset or split:
        raise InputError(
            "Data in memory has no subsets or splits to choose from.",
            "Leave out `subset` and `split`, and pass the part itself, such as data['train'].",
        )
    if isinstance(data, datasets.Dataset):
        return DatasetTable(data, "the data set", "parquet")
    if isinstance(data, datasets.DatasetDict):
        raise InputError(
            f"The data set has the splits {', '.join(data)}.", "Pass one of them: data['train']."
        )
    pandas = sys.modules.get("pandas")  # whoever has a frame has imported it
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return FrameTable(data)
    if isinstance(data, Iterable):
        return RowList(data if isinstance(data, list | tuple) else list(data))
    raise InputError(
        f"Data of type {type(data).__name__} can't be read.",
        "Pass a path, a Hub id, a Dataset, a data frame or an iterable of dicts.",
    )


def _open_name(name: str, subset: str | None, split: str | None) -> Source:
    if name.startswith(_HUB_SCHEME):
        hub_id = name.removeprefix(_HUB_SCHEME)
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", hub_id):
            raise InputError(f"{name}: no data-set id.", f"Write {_HUB_SCHEME}owner/name.")
        return open_hub(hub_id, subset, split)
    path = Path(name)
    # A mistyped path must not become a network call: an id has one slash, no known suffix,
    # and its first part is no folder here.
    looks_local = path.suffix.lower() in {*SUFFIXES, ".gz", ".txt"} or path.parent.is_dir()
    if _HUB_ID.fullmatch(name) and not looks_local:
        return open_hub(name, subset, split)
    return _open_path(path, subset, split)


def _open_path(path: Path, subset: str | None, split: str | None) -> Source:
    if path.is_dir():
        if subset is not None:
            raise InputError(f"{path}: it has no subsets.", "Leave out --subset.")
        return open_folder(path, split)
    if not path.exists():
        raise InputError(
            f"{path}: no such file or folder.",
            f"Check the path. Files may be {SUPPORTED}; a data set on the Hub is named owner/name "
            f"or {_HUB_SCHEME}owner/name.",
        )
    return open_file(path)
