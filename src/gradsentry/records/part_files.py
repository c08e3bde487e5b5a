"""The files that rows are written into: one a part, and of several files one each, named alike.

Names of data are hostile. None of them leads out of the folder of its part, and no two files of
the data are written into one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import IO
from unicodedata import normalize

from gradsentry.records.compression import Compression, open_write
from gradsentry.records.source import BoolArray
from gradsentry.records.watched_file import WatchedFile

_LONGEST_NAME, _LONGEST_PATH = 200, 1000
"""In bytes: some file systems take no more, and a scan mustn't end with finding that out."""

Parts = tuple[str, ...]


@dataclass(frozen=True)
class PartFiles:
    """The files that the rows of some files of data are written into, by part."""

    names: Mapping[str, str]
    """Of the parts' files, or of their folders, within the folder that they are written into."""
    paths: Sequence[Mapping[str, Path]]
    """For each file of data: the file that its rows of a part go into."""
    even_empty: bool
    """Whether a file without rows is written, too."""


def part_files(
    folder: Path, masks: Mapping[str, BoolArray], files: Sequence[WatchedFile], form: str
) -> PartFiles:
    """Where the rows of files go.

    Of a single file, each part becomes one file. Of several, each part becomes a folder in which
    they have the names that they have below the folder with all of them. A file without rows of a
    part isn't there: most readers, ours too, refuse an empty one.

    **Arguments:**

    - `folder`: that is written into.
    - `masks`: shape (rows,): the rows of each part.
    - `form`: the suffix of the files' format, without its dot.
    """
    if len(files) == 1:
        names = {part: f"{part}.{form}{files[0].compression}" for part in masks}
        paths = [{part: folder / name for part, name in names.items()}]
        return PartFiles(names, paths, even_empty=True)
    names = {part: part for part, mask in masks.items() if mask.any()}
    shards = [Path(*parts) for parts in shard_names(files, form)]
    paths = [{part: folder / part / shard for part in names} for shard in shards]
    return PartFiles(names, paths, even_empty=False)


def shard_names(files: Sequence[WatchedFile], form: str) -> list[Parts]:
    """Where each of several files stands below the folder that holds all of them, as parts.

    They are numbered in their order if one of these names can't be a file's here, hides
    characters, would be another's, or begins with "." or "_": readers of folders pass over those.
    """
    places = [_place_of(file) for file in files]
    levels = zip(*(place[:-1] for place in places), strict=False)
    common = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))
    names = [place[common:] for place in places]
    if all(map(_is_plain, names)) and _are_apart(names):
        return names
    width = max(5, len(str(len(files) - 1)))
    return [
        (f"part-{number:0{width}}.{form}{file.compression}",) for number, file in enumerate(files)
    ]


def _place_of(file: WatchedFile) -> Parts:
    """The folders that a file or an object is in, and its name."""
    if file.is_fetched:
        return tuple(file.label.split("/"))
    return (file.path.parent.resolve() / file.path.name).parts


def _is_plain(name: Parts) -> bool:
    """Whether a name can be that of a file, wherever it is written, and shows all that it is."""
    return (
        len("/".join(name).encode(errors="surrogatepass")) <= _LONGEST_PATH
        and all(part and part[0] not in "._" and part.isprintable() for part in name)
        and all(Path(part).parts == (part,) and not Path(part).anchor for part in name)
        and all(len(part.encode()) <= _LONGEST_NAME for part in name)
    )


def _are_apart(names: Sequence[Parts]) -> bool:
    """Whether no name is another's, or that of a folder that another is in. Some file systems
    tell neither capital letters from small ones, nor two spellings of an accent."""
    folded = [tuple(normalize("NFC", part).casefold() for part in name) for name in names]
    folders = {name[:end] for name in folded for end in range(1, len(name))}
    return len(set(folded)) == len(folded) and folders.isdisjoint(folded)


def open_part(path: Path, compression: Compression) -> IO[bytes]:
    """A new file for rows, in a folder that is made where it isn't there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return open_write(path, compression)
