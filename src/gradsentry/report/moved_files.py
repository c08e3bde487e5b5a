"""Where the files of an earlier scan are now, if they and its results were moved together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice, product
from pathlib import Path

_MOST_FOLDERS = 64
"""Of one path; names in results may be somebody else's, and as long as he likes."""


def find_files(files: Sequence[Path], results: Path) -> tuple[Path, ...] | None:
    """The files where they were; else where they stand to the results as they did, whatever folder
    holds both now. None if they are in neither place.

    Nobody knows which part of their path was the folder that was moved or mounted elsewhere, so
    the most of it that fits is taken, and the folder that is nearest to the results. Whether they
    hold what they held is for the reader to check.
    """
    if files and all(map(os.path.exists, files)):
        return tuple(files)
    for root, folder in _moves(files, results):
        if all(map(os.path.exists, (folder / file.relative_to(root) for file in files))):
            return tuple(folder / file.relative_to(root) for file in files)
    return None


def _moves(files: Sequence[Path], results: Path) -> Iterator[tuple[Path, Path]]:
    """Folders that may have been moved, with the folders that they may be now; likeliest first."""
    above = dict.fromkeys((*results.absolute().parents, *results.resolve().parents))
    return product(_roots(files), above)


def _roots(files: Sequence[Path]) -> list[Path]:
    """The folders that hold all the files, outermost first."""
    try:
        common = Path(os.path.commonpath([file.parent for file in files]))
    except ValueError:  # none, or on several drives
        return []
    return list(islice((common, *common.parents), _MOST_FOLDERS))[::-1]
