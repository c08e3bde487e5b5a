"""The folder of a benchmark's results, held by one run at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from gradsentry.errors import OutputError
from gradsentry.pipeline.workspace import writing


@contextlib.contextmanager
def held(out: Path) -> Iterator[None]:
    """Make a folder unless it is there, and keep other runs away from its cache.

    **Raises:**

    `OutputError` if another run is there, if it can't be written, or if the disk is full.
    """
    with writing(out):
        cache = out / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise OutputError(
                f"{out}: another run is writing there.",
                "Wait for it, or choose another folder with --out.",
            ) from None
        try:
            yield
        finally:
            lock.release()
