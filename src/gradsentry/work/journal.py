"""What a scan has computed so far, on disk, so that an interrupted one can go on.

One file, to which every batch adds a block with its numbers. A block ends in a digest of itself
and of all blocks before it. The file begins with a key of everything that the numbers depend on,
sealed with the user's own key, so that a journal which came with the data is none. What is taken up
later is what was written, in its order: from a block on that was cut short, changed or lost,
everything is computed again. Nothing needs to be synced to the disk for that.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gradsentry.work.own_key import own_digest
from gradsentry.work.progress import Progress

_MAGIC = b"GradSentry journal 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size
_HEADER_BYTES = len(_MAGIC) + 2 * _DIGEST_BYTES
_COUNTS = struct.Struct("<II")
"""Rows of a block, and its parts."""
_SIZE = struct.Struct("<Q")
"""Bytes of a part."""
_MAX_PARTS = 8
_READ_BYTES = 1 << 22


@dataclass(frozen=True)
class Block:
    """The numbers of one batch, in a journal's file."""

    path: Path
    rows: int
    offsets: tuple[int, ...]
    """Where its parts start in the file, and where the last one ends."""

    def part(self, number: int, dtype: DTypeLike) -> NDArray[Any]:
        """One of the arrays that were stored, flat."""
        start, end = self.offsets[number : number + 2]
        count = (end - start) // np.dtype(dtype).itemsize
        with self.path.open("rb") as file:
            file.seek(start)
            raw = file.read(end - start)
        return np.frombuffer(raw, dtype, count)


@dataclass
class Journal:
    """The blocks of an earlier run, and behind them those of this one."""

    path: Path
    digest: bytes
    """Of all blocks so far."""
    stored: deque[Block] = field(default_factory=deque)
    """Blocks that were there when the journal was opened, and weren't asked for yet."""

    def step(self, rows: int, compute: Callable[[], Sequence[NDArray[Any]]]) -> Block:
        """The next block: the stored one, or a new one with the arrays that `compute` returns.

        **Arguments:**

        - `rows`: how many rows it is about.
        """
        if self.stored:
            return self.stored.popleft()
        arrays = [np.ascontiguousarray(array) for array in compute()]
        sizes = [array.nbytes for array in arrays]
        head = _COUNTS.pack(rows, len(sizes)) + b"".join(map(_SIZE.pack, sizes))
        digest = hashlib.sha256(self.digest + head)
        with FileIO(self.path, "a") as file:
            _write(file, head)
            start = file.tell()
            for array in arrays:
                raw = array.reshape(-1).view(np.uint8).data
                digest.update(raw)
                _write(file, raw)
            _write(file, digest.digest())
        self.digest = digest.digest()
        return Block(self.path, rows, tuple(accumulate(sizes, initial=start)))


def open_journal(path: Path, key: bytes, rows: int, progress: Progress) -> Journal:
    """The journal in a file, with what an earlier run left in it if that had the same key.

    **Arguments:**

    - `rows`: of the whole scan. `progress` is told how many of them are done, and whether something
        is thrown away.
    """
    key = hashlib.sha256(key).digest()
    header = _MAGIC + key
    header += own_digest(header)
    found = _header_of(path)
    if found == header:
        return _taken_up(path, header, rows, progress)
    if found is not None:
        progress.note(
            "An interrupted scan with other data, another model or other options was under way "
            "here. Its scores are of no use now: starting afresh."
        )
    elif os.path.lexists(path):
        progress.note("The scores of an interrupted scan are damaged: starting afresh.")
    path.unlink(missing_ok=True)
    with FileIO(path, "x") as file:
        _write(file, header)
    return Journal(path, own_digest(header))


def is_journal(path: Path) -> bool:
    """Whether a file begins as this user's journals do."""
    return _header_of(path) is not None


def _header_of(path: Path) -> bytes | None:
    """What a journal begins with; None for other files, and for links: they lead elsewhere."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return None
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return None
    begin, digest = header[:-_DIGEST_BYTES], header[-_DIGEST_BYTES:]
    own = begin.startswith(_MAGIC) and hmac.compare_digest(own_digest(begin), digest)
    return header if own else None


def _taken_up(path: Path, header: bytes, rows: int, progress: Progress) -> Journal:
    """A journal with the blocks that are whole; what lies behind them is cut off."""
    journal = Journal(path, own_digest(header))
    end = len(header)
    for block, digest in _blocks(journal, end):
        journal.stored.append(block)
        journal.digest = digest
        end = block.offsets[-1] + _DIGEST_BYTES
    lost = path.stat().st_size > end
    os.truncate(path, end)
    done = sum(block.rows for block in journal.stored)
    if done:
        behind = " What was stored behind them is incomplete or damaged, and is done again."
        progress.note(
            f"Going on: {done:,} of {rows:,} rows are scored already.{behind if lost else ''}"
        )
    elif lost:
        progress.note(
            "The scores of an interrupted scan are incomplete or damaged: starting afresh."
        )
    return journal


def _blocks(journal: Journal, start: int) -> Iterator[tuple[Block, bytes]]:
    """The whole blocks from a place in the file on, with their digests."""
    size, digest = journal.path.stat().st_size, journal.digest
    with journal.path.open("rb") as file:
        file.seek(start)
        while len(counts := file.read(_COUNTS.size)) == _COUNTS.size:
            rows, parts = _COUNTS.unpack(counts)
            if parts > _MAX_PARTS:
                return
            head = file.read(parts * _SIZE.size)
            if len(head) < parts * _SIZE.size:
                return
            sizes = [number for (number,) in _SIZE.iter_unpack(head)]
            offsets = tuple(accumulate(sizes, initial=file.tell()))
            if offsets[-1] + _DIGEST_BYTES > size:
                return
            running = hashlib.sha256(digest + counts + head)
            left = sum(sizes)
            while left:
                raw = file.read(min(left, _READ_BYTES))
                if not raw:
                    return
                running.update(raw)
                left -= len(raw)
            digest = running.digest()
            if file.read(_DIGEST_BYTES) != digest:
                return
            yield Block(journal.path, rows, offsets), digest


def _write(file: FileIO, raw: bytes | memoryview) -> None:
    """Write all of it, or raise: a disk that fills up takes a part first."""
    left = memoryview(raw)
    while len(left):
        left = left[file.write(left) :]
