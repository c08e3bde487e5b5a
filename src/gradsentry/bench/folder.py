"""The folder of a benchmark's results: marked as ours, and held by one run at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradsentry.errors import OutputError
from gradsentry.faults import telling_faults
from gradsentry.pipeline.ownership import write_synced
from gradsentry.pipeline.workspace import acquired_lock, check_apart, resolved, writing

MARK = ".gradsentry-bench"
_WRITTEN = ("results.md", "results.parquet", "plots", "cells", "outcomes", "cache")
_MARKED = (
    "GradSentry writes results.md, results.parquet, plots, cells, outcomes and cache in this "
    "folder, and replaces what lies there under these names.\n"
)


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
                    "Remove it, or choose another folder with --out.",
                )
        if not is_ours(folder):
            if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
                raise OutputError(
                    f"{out}: this exists, and no benchmark of GradSentry wrote it ({MARK} isn't "
                    "there).",
                    "Choose another folder with --out.",
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


def is_ours(out: Path) -> bool:
    """Whether benchmarks write in a folder."""
    mark = out / MARK
    try:
        return mark.is_file() and not mark.is_symlink() and mark.read_text("utf-8") == _MARKED
    except (OSError, ValueError):
        return False
