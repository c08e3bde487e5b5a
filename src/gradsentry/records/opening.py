"""From what the user names to a source."""

from __future__ import annotations

import glob
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import datasets

from gradsentry.errors import InputError
from gradsentry.records.arrow_folder import is_saved, open_split
from gradsentry.records.files import (
    open_files,
    open_objects,
    open_shards,
    open_standard_input,
)
from gradsentry.records.formats import ARCHIVES, COMPRESSED, SUFFIXES, SUPPORTED
from gradsentry.records.object_files import fetch_objects
from gradsentry.records.object_store import is_url
from gradsentry.records.source import Source
from gradsentry.records.standard_input import is_standard_input
from gradsentry.records.tables import DatasetTable, FrameTable, RowList, open_hub

_HUB_SCHEME = "hf://datasets/"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def open_source(data: object, *, subset: str | None = None, split: str | None = None) -> Source:
    """Open anything that holds rows.

    **Arguments:**

    - `data`: a path to a file or folder, several paths of files that are one data set, a pattern
        such as `data/*.jsonl`, objects of a store (`s3://bucket/name`, also patterns), `-` for
        standard input, a Hub data-set id (`owner/name` or
        `hf://datasets/owner/name`), a `Dataset`, a pandas data frame, or an iterable of dicts.
    - `subset`, `split`: which part of a data set with several.

    **Raises:**

    `InputError` if there is nothing to read.
    """
    names = _names(data)
    if names:
        try:
            return _open_names(names, subset, split)
        except OSError as error:
            raise InputError(
                f"{error.filename or names[0]}: can't be read ({error.strerror}).",
                "Check the path and its permissions.",
            ) from None
    if subset or split:
        raise InputError(
            "Data in memory has no subsets or splits to choose from.",
            "Leave out `subset` and `split`, and pass the part itself, such as data['train'].",
        )
    return _open_object(data)


def _names(data: object) -> list[str | Path]:
    """The names of data, if that is what was given."""
    if isinstance(data, str | Path):
        return [data]
    if isinstance(data, list | tuple) and all(isinstance(name, str | Path) for name in data):
        return list(data)
    return []


def _open_object(data: object) -> Source:
    if isinstance(data, datasets.Dataset):
        if data.format["type"] == "custom":
            raise InputError(
                "The data set has a transform: what a trainer sees of its rows comes from code.",
                "Apply it with `map`, or take it off with `with_format(None)` to scan the rows as "
                "they are stored.",
            )
        return DatasetTable(data, "the data set")
    if isinstance(data, datasets.DatasetDict):
        raise InputError(
            f"The data set has the splits {', '.join(data)}.", "Pass one of them: data['train']."
        )
    if isinstance(data, datasets.IterableDataset | datasets.IterableDatasetDict):
        raise InputError(
            "The data set is streamed, and a scan reads its rows several times.",
            "Load it without `streaming=True`.",
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


def _open_names(names: Sequence[str | Path], subset: str | None, split: str | None) -> Source:
    if any(map(is_url, names)):
        return _open_urls(list(map(str, names)), subset, split)
    if len(names) == 1:
        name = names[0]
        hub_id = _hub_id(name) if isinstance(name, str) else None  # a `Path` is never a Hub id
        if hub_id is not None:
            return open_hub(hub_id, subset, split)
        if subset is not None and Path(name).is_dir():
            raise InputError(f"{name}: it has no subsets.", "Leave out `subset`.")
        if not is_standard_input(name) and Path(name).is_dir():
            return _open_folder(Path(name), split)
    if subset or split:
        raise InputError(f"{names[0]}: a file has no splits.", "Leave out `split` and `subset`.")
    if len(names) == 1 and is_standard_input(names[0]):
        return open_standard_input()
    paths = [path for name in names for path in _paths(name)]
    path, times = Counter(paths).most_common(1)[0]
    if times > 1:
        raise InputError(f"{path}: named twice.", "Name each file once.")
    return open_files(paths, _label(list(map(str, paths))))


def _open_urls(urls: Sequence[str], subset: str | None, split: str | None) -> Source:
    if subset or split:
        raise InputError(f"{urls[0]}: an object has no splits.", "Leave out `split` and `subset`.")
    copies = fetch_objects(urls)
    return open_objects(copies, _label([copy.url for copy in copies]))


def _label(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def says_where(label: str) -> bool:
    """Whether what a source is called says where its rows are: in one object of a store, or on the
    Hub."""
    if is_url(label):
        return re.search(r" and \d+ more$", label) is None
    return _hub_id(label) is not None


def _hub_id(name: str) -> str | None:
    """The data set on the Hub that is named, if it can be nothing else."""
    if name.startswith(_HUB_SCHEME):
        hub_id = name.removeprefix(_HUB_SCHEME)
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", hub_id):
            raise InputError(f"{name}: no data-set id.", f"Write {_HUB_SCHEME}owner/name.")
        return hub_id
    path = Path(name)
    # A mistyped path must not become a network call: an id has one slash, no known suffix,
    # and its first part is no folder here.
    suffixes = {*SUFFIXES, *COMPRESSED, *ARCHIVES, ".txt"}
    looks_local = path.suffix.lower() in suffixes or path.parent.is_dir()
    return name if _HUB_ID.fullmatch(name) and not looks_local else None


def _open_folder(path: Path, split: str | None) -> Source:
    return open_split(path, split, str(path)) if is_saved(path) else open_shards(path, split)


def _paths(name: str | Path) -> list[Path]:
    """The files that a name stands for: itself, or those that fit it as a pattern."""
    path = Path(name)
    if path.exists() or path.is_symlink():
        return [path]
    matches = glob.glob(str(path), recursive=True) if glob.has_magic(str(path)) else []  # noqa: PTH207 (patterns may be absolute)
    found = sorted(path for path in map(Path, matches) if not path.is_dir())
    if found:
        return found
    if is_standard_input(name):
        raise InputError("Standard input stands alone.", "Leave out the other names, or `-`.")
    raise InputError(
        f"{name}: no such file or folder.",
        f"Check the path. Files may be {SUPPORTED}; a data set on the Hub is named owner/name "
        f"or {_HUB_SCHEME}owner/name.",
    )
