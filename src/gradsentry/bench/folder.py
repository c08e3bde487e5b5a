"""The folder of a benchmark's results, held by one run at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gradsentry.pipeline.workspace import acquired_lock, writing


@contextlib.contextmanager
def held(out: Path) -> Iterator[None]:
    """Make a folder unless it is there, and keep other runs away from its cache.

    **Raises:**

    `OutputError` if another run is there, if it can't be written, or if the disk is full.
    """
    with writing(out):
        cache = out / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        lock = acquired_lock(cache, out, "run")
        try:
            yield
        finally:
            lock.release()
