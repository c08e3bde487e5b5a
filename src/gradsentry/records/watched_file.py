"""Files that a scan reads several times: opened only if they are files, and the same each time.

Every complete pass digests the file's bytes, and one that differs from the first is refused,
whatever the file's times say. What goes wrong on reading becomes an error with a remedy.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import lzma
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from gradsentry.errors import InputError
from gradsentry.records.compression import Compression

_CHUNK = 1 << 20


@dataclass
class Seen:
    """What the first complete pass over a file read."""

    digest: str | None = None
    rows: int = 0


@dataclass(frozen=True)
class WatchedFile:
    """A file of rows, as opened: one that changes afterwards is refused."""

    path: Path
    compression: Compression
    label: str
    """How messages name it."""
    stamp: tuple[int, int]
    """Size and modification time."""
    seen: Seen = field(default_factory=Seen, compare=False)
    keep: object = field(default=None, compare=False, repr=False)
    """What must live as long as the file does: a temporary file goes with its last user."""
    copied_from: Path | None = None
    """The user's file that this one is a copy of, as far as the system tells."""

    is_fetched: bool = False
    """Whether it is a copy of an object of a store, which has no path."""

    @property
    def paths(self) -> list[Path]:
        """The file, and the one that it is a copy of; none for an object."""
        if self.is_fetched:
            return []
        return [self.path] if self.copied_from is None else [self.path, self.copied_from]

    @contextlib.contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file's bytes as they lie on disk.

        **Raises:**

        `InputError` with a remedy for whatever goes wrong here and within.
        """
        with reading(self.label), open_regular(self.path, self.label) as file:
            status = os.fstat(file.fileno())
            if (status.st_size, status.st_mtime_ns) != self.stamp:
                raise self.changed()
            yield file

    def check_digest(self, digest: str, rows: int) -> None:
        """Compare a complete pass with the first one; it has read `rows` rows."""
        if self.seen.digest is None:
            self.seen.digest, self.seen.rows = digest, rows
        elif (self.seen.digest, self.seen.rows) != (digest, rows):
            raise self.changed()

    def check_row(self, row: int) -> None:
        """Refuse a row (counted in this file) that the first complete pass didn't read."""
        if self.seen.digest is not None and row >= self.seen.rows:
            raise self.changed()

    def changed(self) -> InputError:
        """The error for a file that isn't what it was."""
        return InputError(
            f"{self.label}: the file changed during the scan.",
            "Scan again when nothing writes to it.",
        )

    def no_rows(self) -> InputError:
        """The error for a file without rows."""
        return InputError(
            f"{self.label}: the file holds no rows.", "Check that it is the right file."
        )


class Digesting(io.RawIOBase):
    """Reads a file from start to end, and digests what it reads."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.blake2b(digest_size=16)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._hash.update(memoryview(buffer)[:count])
        return int(count)

    def digest(self) -> str:
        """The digest of the whole file: what nobody has read yet is read here."""
        while self.read(_CHUNK):
            pass
        return self._hash.hexdigest()


def digest_of(file: BinaryIO) -> str:
    """The digest of a file from its start; it is left there."""
    file.seek(0)
    digest = Digesting(file).digest()
    file.seek(0)
    return digest


def watch_file(path: Path, compression: Compression, label: str | None = None) -> WatchedFile:
    """A file that is there and can be opened, and nothing that reading would wait for."""
    label = str(path) if label is None else label
    with reading(label), open_regular(path, label) as file:
        status = os.fstat(file.fileno())
        return WatchedFile(path, compression, label, (status.st_size, status.st_mtime_ns))


def open_regular(path: Path, label: str) -> BinaryIO:
    """Open a regular file. Opening a pipe would wait for a writer, and a device may never end."""
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(number, "rb", buffering=0)
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        return file
    file.close()
    if stat.S_ISDIR(mode):
        raise InputError(
            f"{label}: can't be read (Is a directory).",
            "Name a file, or the folder with all files.",
        )
    raise InputError(
        f"{label}: no regular file, but a pipe or a device.",
        "Name a file, or pipe the rows in and name them `-`.",
    )


@contextlib.contextmanager
def reading(label: str) -> Iterator[None]:
    """Turn what can go wrong on opening and reading into an error with a remedy."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{label}: no such file.", "Check the path.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError):
        raise InputError(
            f"{label}: the compressed data is broken or incomplete.",
            "Compress or copy the file again.",
        ) from None
    except MemoryError:  # Arrow's is one, too
        raise InputError(
            f"{label}: reading it takes more memory than there is.",
            "Look for rows that are much too large, or scan on a machine with more memory.",
        ) from None
    except pa.ArrowException as error:
        raise InputError(
            f"{label}: not readable as what it should be ({first_line(error)}).",
            "Write the file again, or check its suffix.",
        ) from None
    except UnicodeError as error:
        raise InputError(
            f"{label}: a name in it is no text ({first_line(error)}).", "Write the file again."
        ) from None
    except OSError as error:  # Arrow's, for broken pages, have no `strerror`
        raise InputError(
            f"{label}: can't be read ({error.strerror or first_line(error)}).",
            "Check the path and its permissions, or write the file again.",
        ) from None


def first_line(error: BaseException) -> str:
    """What an error says, on one line."""
    cause = error.__cause__ or error  # `datasets` says only there what was wrong with a file
    text = str(cause).strip() or type(cause).__name__
    return text.splitlines()[0]
