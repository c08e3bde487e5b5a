"""Data files: which source reads them, and which of a folder's files are one data set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gradsentry.errors import InputError
from gradsentry.records.arrow_folder import METADATA, choose_split
from gradsentry.records.compression import Compression, uncompress
from gradsentry.records.formats import (
    ARCHIVES,
    COMPRESSED,
    HEAD,
    SUPPORTED,
    FileFormat,
    archive_error,
    check_text_format,
    is_archive,
    read_suffixes,
    tell_compression,
    tell_format,
)
from gradsentry.records.object_files import ObjectCopy
from gradsentry.records.parquet_file import ParquetFiles
from gradsentry.records.source import Source
from gradsentry.records.standard_input import find_redirected_file, spool_input
from gradsentry.records.text_file import TextFiles
from gradsentry.records.watched_file import Digesting, WatchedFile, watch_file

STANDARD_INPUT = "standard input"

# How files and folders of splits are named, as `datasets` takes them.
_SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}


@dataclass(frozen=True)
class _Opened:
    file: WatchedFile
    form: FileFormat


def open_files(paths: Sequence[Path], label: str) -> Source:
    """One source for files of one format, which are read one after the other.

    **Raises:**

    `InputError` if a file isn't there, can't be opened, is empty or has an unknown suffix, and
    where formats or columns differ.
    """
    return _join_files([_open_file(path) for path in paths], label)


def open_objects(copies: Sequence[ObjectCopy], label: str) -> Source:
    """One source for copies of objects; errors as those of `open_files`."""
    opened = []
    for copy in copies:
        file = watch_file(copy.path, Compression.NONE, copy.url)
        opened.append(_check_name(copy.named, replace(file, keep=copy.keep, is_fetched=True)))
    return _join_files(opened, label)


def open_standard_input() -> Source:
    """The source for what is piped in, whose format is told from how it begins."""
    path, keep = spool_input()
    file = watch_file(path, Compression.NONE, STANDARD_INPUT)
    file = replace(file, keep=keep, copied_from=find_redirected_file())
    file = replace(file, compression=tell_compression(_read_head(file)))
    return _join_files([_check_format(file, tell_format(_read_head(file)))], STANDARD_INPUT)


def open_shards(folder: Path, split: str | None) -> Source:
    """One source for the data files in a folder, as it is downloaded from the Hub.

    Nothing but the files' names says which they are: a README or other metadata may name files
    anywhere, and on the network.

    **Raises:**

    `InputError` if there are none, or it isn't clear which of them are one data set.
    """
    files = sorted(path for path in _walk_files(folder) if _is_data(path, folder))
    if not files:
        raise InputError(
            f"{folder}: there are no data files in this folder.",
            f"Name a folder written by `Dataset.save_to_disk`, or one with files: {SUPPORTED}.",
        )
    splits: dict[str, list[Path]] = {}
    for path in files:
        splits.setdefault(_split_of(path.relative_to(folder)), []).append(path)
    chosen = splits[choose_split(list(splits), split, str(folder))]
    for path in chosen:
        if not path.resolve().is_relative_to(_root(folder)):
            raise _leads_out(path)
    return open_files(chosen, str(folder))


def _walk_files(folder: Path) -> Iterator[Path]:
    """All files in a folder and its folders; one that can't be looked into is an error."""

    def fail(error: OSError) -> None:
        raise error

    for name, folders, files in os.walk(folder, onerror=fail):
        for inner in folders:
            if (Path(name) / inner).is_symlink():
                raise _leads_out(Path(name) / inner)
        yield from (Path(name) / file for file in files)


def _leads_out(path: Path) -> InputError:
    return InputError(
        f"{path}: this is a link that leads out of the folder.",
        "Name what it leads to, or put a copy in its place.",
    )


def _is_data(path: Path, folder: Path) -> bool:
    """Whether a path in a folder is named like a data file; what is hidden isn't."""
    hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    return not (hidden or path.name in METADATA or read_suffixes(path) is None)


def _split_of(path: Path) -> str:
    """The split that a file's name or its folders' names say; `train` where they say nothing."""
    words = set(re.split(r"[^a-z]+", str(path).lower()))
    found = [split for split, names in _SPLIT_NAMES.items() if words & set(names)]
    return found[-1] if found else "train"


def _root(folder: Path) -> Path:
    """Where a folder's files must lie. The Hub's cache keeps them beside its snapshots."""
    folder = folder.resolve()
    return folder.parent.parent if folder.parent.name == "snapshots" else folder


def _open_file(path: Path) -> _Opened:
    return _check_name(path, watch_file(path, Compression.NONE))


def _check_name(name: Path, file: WatchedFile) -> _Opened:
    """A file, read as a name says."""
    named = read_suffixes(name)
    if named is None:
        raise _unnamed(name, file)
    form, compression = named
    return _check_format(replace(file, compression=compression), form)


def _unnamed(name: Path, file: WatchedFile) -> InputError:
    """The error for a file whose name doesn't say what is in it."""
    compression = COMPRESSED.get(name.suffix.lower(), Compression.NONE)
    head = _read_head(replace(file, compression=compression))
    if is_archive(head) or name.suffix.lower() in ARCHIVES:
        return archive_error(file.label)
    if compression:
        likely = f"{name.stem}.{tell_format(head)}{compression}"
        return InputError(
            f"{file.label}: the suffix says how the file is compressed, and not what is in it.",
            f"Put the suffix of its format before that; by its first bytes: {likely}.",
        )
    return InputError(
        f"{file.label}: the file's suffix doesn't say what format it has.",
        f"Give it the suffix of its format: {SUPPORTED}. Plain text needs rows with a column "
        "`text`.",
    )


def _check_format(file: WatchedFile, form: FileFormat) -> _Opened:
    if file.stamp[0] == 0:
        raise file.no_rows()
    if form == "parquet":
        return _Opened(file, form)
    return _Opened(file, check_text_format(form, _read_head(file), file.label))


def _read_head(file: WatchedFile) -> bytes:
    with file.open() as raw:
        return uncompress(Digesting(raw), file.compression).read(HEAD)


def _join_files(opened: Sequence[_Opened], label: str) -> Source:
    first, files = opened[0], [each.file for each in opened]
    for other in opened[1:]:
        if other.form != first.form:
            raise InputError(
                f"{other.file.label}: {other.form.upper()}, and {first.file.label} is "
                f"{first.form.upper()}: one data set has one format.",
                "Scan each by itself, or convert them to one format.",
            )
    if first.form == "parquet":
        parquet = ParquetFiles(files, label)
        if len(files) > 1:
            parquet.check_schemas()
        return parquet
    text = TextFiles(files, first.form, label)
    if len(files) > 1:
        text.check_headers()
    return text
