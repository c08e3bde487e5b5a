"""A temporary folder with a short name, as sockets need, that the next run removes if this one is
killed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gradsentry.work.own_key import own_digest

_NAME_CHARACTERS = 8


@contextmanager
def short_folder(work: Path) -> Iterator[Path]:
    """A folder of a scan's own among the temporary files.

    Its name says which scan it belongs to, to those who have the user's key: so the next run with
    the same work folder finds what a run that was killed left, and nobody else can be there before.

    **Arguments:**

    - `work`: the scan's work folder, which no other process has meanwhile.
    """
    digest = own_digest(b"short folder\0" + os.fsencode(work.absolute())).hex()
    folder = Path(tempfile.gettempdir()) / f"gradsentry-{digest[:_NAME_CHARACTERS]}"
    _remove_own(folder)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:  # somebody else's, or on a file system where removing takes a while
        folder = Path(tempfile.mkdtemp(prefix="gradsentry-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_own(folder: Path) -> None:
    """Remove a folder, if it is one, and this user's."""
    with suppress(OSError):
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and (
            not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
        ):
            shutil.rmtree(folder, ignore_errors=True)
