"""What is piped in: copied into a file, since a scan reads it several times."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from gradsentry.records.watched_file import reading

_CHUNK = 1 << 20


def is_standard_input(name: object) -> bool:
    """Whether a name means what is piped in."""
    return str(name) == "/dev/stdin" or name == "-"


def spool_input() -> tuple[Path, object]:
    """Standard input, copied into a private temporary file: a scan reads it several times.

    Returns the file's path, and what deletes the file when nobody holds it any more.
    """
    file = tempfile.NamedTemporaryFile(prefix="gradsentry-")  # noqa: SIM115 (the source holds it)
    with reading("standard input"):
        while chunk := sys.stdin.buffer.read(_CHUNK):
            file.write(chunk)
        file.flush()
    return Path(file.name), file


def find_redirected_file() -> Path | None:
    """The file that standard input comes from; None for a pipe, and where the system doesn't tell
    (it does on Linux)."""
    try:
        number = sys.stdin.fileno()
        path = Path(f"/proc/self/fd/{number}").readlink()
        is_there = os.path.samestat(path.stat(), os.fstat(number))
        return path if is_there and path.is_file() else None
    except (OSError, ValueError):
        return None
