"""The key by which GradSentry knows what it made itself.

Work folders lie beside the data, and an archive of data may hold one: with scores that somebody
else made up, or with links to files that a scan would write through. What this user's scans make
carries a digest that nobody can make without the key, which lies in the user's cache folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from functools import cache
from pathlib import Path

from gradsentry.models.default_model import cache_folder

_BYTES = 32
_FILE = "own-key"


def own_digest(content: bytes) -> bytes:
    """A SHA-256 of some bytes that only this user's scans can make."""
    return hmac.digest(_key(cache_folder()), content, hashlib.sha256)


def key_lasts() -> bool:
    """Whether a later run will have the same key."""
    _key(cache_folder())
    return _stored(cache_folder() / _FILE) is not None


@cache
def _key(folder: Path) -> bytes:
    """The key in a folder, made if this is the first time.

    Where it can't be stored, the key lasts as long as the process: a scan that is killed then can't
    be taken up.
    """
    path = folder / _FILE
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{_FILE}-{secrets.token_hex(8)}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)  # unless it is there: another process may make it at once
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return _stored(path) or secrets.token_bytes(_BYTES)


def _stored(path: Path) -> bytes | None:
    """A key that is this user's and that others can't write."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            key = file.read(_BYTES + 1)
    except OSError:
        return None
    private = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077
    if os.name == "posix" and not (private and status.st_uid == os.geteuid()):
        return None
    return key if len(key) == _BYTES else None
