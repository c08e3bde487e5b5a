"""Folders that nobody else can write to, and what was put into them, checked at every use."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

from gradsentry.errors import ModelError
from gradsentry.models.model_files import file_digest

_MANIFEST = "manifest.json"
_PRIVATE = 0o700
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def make_private(folder: Path) -> bool:
    """Make a folder that only the user can write to; whether it had been one before, or is new.

    **Raises:**

    `ModelError` if it belongs to somebody else; `OSError` if it can't be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=_PRIVATE)
    except FileExistsError:
        if is_private(folder):
            return True
        folder.chmod(_PRIVATE)
        return False
    return True


def is_private(folder: Path) -> bool:
    """Whether only the user, or the administrator, can write to a folder.

    **Raises:**

    `ModelError` if it belongs to somebody else.
    """
    if not hasattr(os, "geteuid"):  # on Windows the cache lies in the user's own profile
        return True
    status = folder.stat()
    if status.st_uid not in (os.geteuid(), 0):
        raise ModelError(
            f"{folder}: this folder belongs to another user, who could put another model there.",
            "Set GRADSENTRY_CACHE to a folder of your own.",
        )
    return not status.st_mode & _WRITABLE_BY_OTHERS


def seal(folder: Path) -> None:
    """Write down what the files of a folder hold."""
    digests = {path.name: file_digest(path).hexdigest() for path in sorted(folder.iterdir())}
    (folder / _MANIFEST).write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")


def damage(folder: Path) -> str | None:
    """What is wrong with a folder that was sealed, or None if it holds what it held then.

    **Raises:**

    `ModelError` if it belongs to somebody else.
    """
    if not (is_private(folder.parent) and is_private(folder)):
        return "others could write to it"
    try:
        written = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"it has no {_MANIFEST} that can be read"
    present = {path.name: path for path in folder.iterdir() if path.name != _MANIFEST}
    if not isinstance(written, dict) or written.keys() != present.keys():
        return "files are missing, or there are others"
    for name, path in present.items():
        if not stat.S_ISREG(path.lstat().st_mode) or file_digest(path).hexdigest() != written[name]:
            return f"{name} isn't what was put there"
    return None


def remove(path: Path) -> None:
    """Delete a file, a link or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
