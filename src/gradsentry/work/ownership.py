"""What shows that files are GradSentry's own: nothing else is ever replaced or deleted.

A folder of results holds the digests of all files in it, a poisoned copy has its own in the
manifest beside it, and both lists end in a digest of themselves. So a file that somebody added,
changed or put a link in place of is told apart from what was written.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gradsentry.safe_text import json_text

SUMS = "SHA256SUMS"
"""As `sha256sum --check` reads it."""
_FIRST_LINE = "# Written by GradSentry; --force replaces this folder only while all is as it was."
_LAST_LINE = "# SHA-256 of the lines above: "
_SEAL = "sha256_of_manifest"
KEPT = ".kept"
"""What the name of something that was in the way ends in."""


def seal_folder(folder: Path) -> None:
    """List the digests of a folder's files in it, and see that all of them are on the disk."""
    lines = [_FIRST_LINE]
    for path in sorted(_files_in(folder)):
        sync(path)
        lines.append(f"{file_digest(path)}  {path.relative_to(folder).as_posix()}")
    text = "\n".join(lines) + "\n"
    write_synced(folder / SUMS, text + _LAST_LINE + _digest(text) + "\n")
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync(path)


def foreign_part(folder: Path) -> str | None:
    """What in a folder isn't as `seal_folder` left it, in words; None if all is.

    Files that are missing by now are no matter: nothing of them can get lost.
    """
    sums = listed_digests(folder)
    if sums is None:
        return f"its list of what GradSentry wrote ({SUMS}) isn't there, or was changed"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            if not any(known.startswith(f"{name}/") for known in sums):
                return f"{name} was added"
        elif name != SUMS and name not in sums:
            return f"{name} was added"
        elif not stat.S_ISREG(status.st_mode):
            return f"{name} isn't a file any more"
        elif name != SUMS and file_digest(path) != sums[name]:
            return f"{name} was changed"
    return None


def sealed_json(values: Mapping[str, Any]) -> str:
    """JSON text with a digest of itself."""
    return json_text({**values, _SEAL: _digest(json_text(dict(values)))}) + "\n"


def unsealed_json(path: Path) -> dict[str, Any] | None:
    """What `sealed_json` wrote into a file; None if that isn't what it holds."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        text = path.read_text(encoding="utf-8", errors="strict")
        values = json.loads(text)
        del values[_SEAL]
        return values if sealed_json(values) == text else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def file_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_synced(path: Path, text: str) -> None:
    """Write a text, and see that it is on the disk."""
    # File names may hold bytes that are no UTF-8; they appear as escapes.
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    sync(path)


def sync(path: Path) -> None:
    """See that a file or folder is on the disk, as far as the file system can tell."""
    # Windows opens no folders, and some network file systems don't sync them.
    unable = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES) if path.is_dir() else ()
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in unable:
            raise


def listed_digests(folder: Path) -> dict[str, str] | None:
    """What `seal_folder` listed in a folder, by name; None if that isn't what is there."""
    try:
        if not stat.S_ISREG((folder / SUMS).lstat().st_mode):
            return None
        text = (folder / SUMS).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    listed, _, digest = text.partition(_LAST_LINE)
    if not listed.startswith(_FIRST_LINE + "\n") or digest != _digest(listed) + "\n":
        return None
    sums: dict[str, str] = {}
    for line in listed.rstrip("\n").split("\n")[1:]:
        digest, _, name = line.partition("  ")
        sums[name] = digest
    return sums


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_dir())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def set_aside(path: Path) -> Path:
    """Move something that isn't our own out of the way, under a name that nobody has."""
    kept = path.with_name(f"{path.name}.{os.urandom(3).hex()}{KEPT}")
    path.rename(kept)
    return kept


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path`, which takes its place when all is written and on the disk.

    Its name is one that nobody has: what is there under any other name is left alone.
    """
    part = path.with_name(f".{path.name}.{os.urandom(6).hex()}.part")
    try:
        part.open("xb").close()
        yield part
        sync(part)
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
