"""The folder of a benchmark's results: marked as ours, and held by one run at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradsentry.errors import OutputError
from gradsentry.faults import telling_faults
from gradsentry.work.ownership import (
    KEPT,
    file_digest,
    replacing,
    sealed_json,
    set_aside,
    unsealed_json,
    write_synced,
)
from gradsentry.work.work_folder import acquired_lock, check_apart
from gradsentry.work.workspace import resolved, writing

MARK = ".gradsentry-bench"
_DIGESTS = ".gradsentry-bench-results"
"""The digests of the tables and figures, as they were written."""
_WRITTEN = ("results.md", "results.parquet", "plots", "cells", "outcomes", "cache")
_MARKED = (
    "GradSentry writes results.md, results.parquet, plots, cells, outcomes and cache in this "
    "folder, and replaces what it wrote there under these names.\n"
)
_MARKS = (_MARKED, _MARKED.replace("what it wrote there", "what lies there"))
"""The second is what earlier versions wrote."""


@contextlib.contextmanager
def held(out: Path, keep: Sequence[str] = ()) -> Iterator[None]:
    """Make a folder unless it is there, and keep other runs away from its cache.

    **Arguments:**

    - `keep`: names of what is read, which mustn't lie in the cache.

    **Raises:**

    `OutputError` if it holds other things than a benchmark's, if another run is there, if it can't
    be written, or if the disk is full.
    """
    with telling_faults(), writing(out):
        folder = resolved(out)
        check_apart(folder / "cache", keep)
        for name in _WRITTEN:
            if (folder / name).is_symlink():
                raise OutputError(
                    f"{out / name}: this is a link, and a benchmark would write through it.",
                    "Remove it, or choose another folder with `out`.",
                )
        if not is_ours(folder):
            if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
                raise OutputError(
                    f"{out}: this exists, and no benchmark of GradSentry wrote it ({MARK} isn't "
                    "there).",
                    "Choose another folder with `out`.",
                )
            folder.mkdir(parents=True, exist_ok=True)
            write_synced(folder / MARK, _MARKED)
        cache = folder / "cache"
        cache.mkdir(exist_ok=True)
        lock = acquired_lock(cache, out, "run")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.release()


@contextlib.contextmanager
def replacing_result(out: Path, path: Path) -> Iterator[Path]:
    """A new table or figure, which takes the place of the one in a benchmark's folder.

    One that somebody changed meanwhile is kept under another name.
    """
    name = path.relative_to(out).as_posix()
    with replacing(path) as part:
        yield part
        digests = unsealed_json(out / _DIGESTS) or {}
        new = file_digest(part)
        if os.path.lexists(path) and not _has_digest(path, (digests.get(name), new)):
            set_aside(path)
        with replacing(out / _DIGESTS) as listed:
            listed.write_text(sealed_json({**digests, name: new}), encoding="utf-8")


def _has_digest(path: Path, digests: tuple[object, ...]) -> bool:
    return path.is_file() and not path.is_symlink() and file_digest(path) in digests


def kept_in(out: Path) -> set[Path]:
    """Files in a benchmark's folder that were in the way, and were kept under other names."""
    folders = (out, out / "plots", out / "cells", out / "outcomes")
    return {path for folder in folders for path in folder.glob(f"*{KEPT}")}


def is_ours(out: Path) -> bool:
    """Whether benchmarks write in a folder."""
    mark = out / MARK
    try:
        return mark.is_file() and not mark.is_symlink() and mark.read_text("utf-8") in _MARKS
    except (OSError, ValueError):
        return False
