"""What a scan has computed so far, on disk, so that an interrupted one can go on.

A shard is a file with the results of a stage for some rows. It is named by everything that they
depend on, and appears by a rename: whoever finds it has them, whoever doesn't computes them. What
it holds are arrays as safetensors writes them, behind a digest of its name and of them that only
this user's scans can make, so that a file that came with the data, or that was damaged, is none.
Nothing needs to be synced to the disk for that.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import shutil
import stat
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray
from safetensors.numpy import save

from gradsentry.work.own_key import own_digest
from gradsentry.work.progress import Progress

_SEAL_BYTES = hashlib.sha256().digest_size
_SIZE = struct.Struct("<Q")
"""Of the header of safetensors, which begins with it."""
_READ_BYTES = 1 << 22
_NAME_BYTES = 16


@dataclass(frozen=True)
class Shard:
    """The arrays of a shard, in its file."""

    path: Path
    parts: tuple[tuple[int, int], ...]
    """Where each starts in the file, and where it ends."""

    def part(self, number: int, dtype: DTypeLike) -> NDArray[Any]:
        """One of the arrays, flat."""
        start, end = self.parts[number]
        raw = np.empty(end - start, np.uint8)
        with self.path.open("rb") as file:
            self.read_into(file, number, 0, raw)
        return raw.view(dtype)

    def read_into(self, file: BinaryIO, number: int, first: int, raw: NDArray[np.uint8]) -> None:
        """Read bytes of one of the arrays, from the first on, from this shard's open file."""
        file.seek(self.parts[number][0] + first)
        if file.readinto(raw.data) < raw.nbytes:  # type: ignore[attr-defined]
            raise OSError(errno.EIO, "the file became shorter", str(self.path))


@dataclass(frozen=True)
class ShardFolder:
    """The shards of one scan."""

    folder: Path
    progress: Progress
    _asked_for: set[str] = field(default_factory=set)
    _told: list[str] = field(default_factory=list)
    """What the user was told of."""

    def find(self, name: str, rows: int) -> Shard | None:
        """The shard of a name and so many rows; None if there is none that is whole.

        **Raises:**

        `RuntimeError` if a scan asks for one twice: two computations have the same name.
        """
        if name in self._asked_for:
            raise RuntimeError("Two computations of a scan have the same name.")
        self._asked_for.add(name)
        path = self._path(name, rows)
        if not os.path.lexists(path):
            return None
        shard = _whole_shard(path, name)
        if shard is None:
            damaged = "Some scores of the interrupted scan are damaged, and are computed again."
            if damaged not in self._told:
                self.progress.note(damaged)
                self._told.append(damaged)
            _remove(path)
        return shard

    def write(self, name: str, rows: int, arrays: Sequence[NDArray[Any]]) -> Shard:
        """Keep the results for so many rows."""
        path = self._path(name, rows)
        body = save({str(number): array for number, array in enumerate(arrays)})
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with part.open("xb") as file:
            file.write(_seal(name, hashlib.sha256(body)))
            file.write(body)
        part.replace(path)
        with path.open("rb") as file:
            file.seek(_SEAL_BYTES)
            return Shard(path, _parts_of(file))

    def _path(self, name: str, rows: int) -> Path:
        return self.folder / f"{name}-{rows}"


def open_shards(folder: Path, key: str, rows: int, progress: Progress) -> ShardFolder:
    """The shards in a folder, with what an earlier run left in it if that had the same key.

    What has another key is removed.

    **Arguments:**

    - `key`: everything that scores depend on.
    - `rows`: of the whole scan. `progress` is told how many of them are done, and whether something
        is thrown away.
    """
    own = folder / digest_name(key.encode())
    others = [path for path in folder.iterdir() if path != own] if folder.is_dir() else []
    for path in others:
        _remove(path)
    done = 0 if own.is_symlink() or not own.is_dir() else sum(map(_rows_in, own.iterdir()))
    if done:
        progress.note(f"Going on: {min(done, rows):,} of {rows:,} rows are scored already.")
    elif others:
        progress.note(
            "An interrupted scan with other data, another model or other options was under way "
            "here. Its scores are of no use now: starting afresh."
        )
    if own.is_symlink():
        own.unlink()
    own.mkdir(parents=True, exist_ok=True)
    return ShardFolder(own, progress)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def digest_name(*parts: bytes) -> str:
    """A file's name for something that these bytes tell from all else."""
    digest = hashlib.blake2b(digest_size=_NAME_BYTES)
    for part in parts:
        digest.update(_SIZE.pack(len(part)) + part)
    return digest.hexdigest()


def _rows_in(path: Path) -> int:
    """As many rows as a shard's name says; 0 for other files."""
    name, _, rows = path.name.partition("-")
    return int(rows) if len(name) == 2 * _NAME_BYTES and rows.isdecimal() else 0


def _whole_shard(path: Path, name: str) -> Shard | None:
    """The shard in a file; None if somebody else made it, it's damaged, or leads elsewhere."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return None
        with path.open("rb") as file:
            seal, digest = file.read(_SEAL_BYTES), hashlib.sha256()
            while raw := file.read(_READ_BYTES):
                digest.update(raw)
            if not hmac.compare_digest(seal, _seal(name, digest)):
                return None
            file.seek(_SEAL_BYTES)
            return Shard(path, _parts_of(file))
    except OSError:
        return None


def _seal(name: str, content: Any) -> bytes:
    """What only this user's scans can put before a shard's content, given its running digest."""
    return own_digest(name.encode() + content.digest())


def _parts_of(file: BinaryIO) -> tuple[tuple[int, int], ...]:
    """Where the arrays of a sealed file lie; it is read from the header of safetensors on."""
    (size,) = _SIZE.unpack(file.read(_SIZE.size))
    header: Mapping[str, Any] = json.loads(file.read(size))
    begin = _SEAL_BYTES + _SIZE.size + size
    offsets = [header[str(number)]["data_offsets"] for number in range(len(header))]
    return tuple((begin + start, begin + end) for start, end in offsets)
