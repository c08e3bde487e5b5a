"""Compressed files: unpacked as they are read, packed as they are written."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import IO

import pyarrow as pa

_CHUNK = 1 << 20

# As much as `xz -9` needs. A hostile header may ask for 4 GB.
_XZ_MEMORY = 128 << 20


class Compression(StrEnum):
    """How a file is compressed; the value is its suffix."""

    NONE = ""
    GZIP = ".gz"
    BZIP2 = ".bz2"
    XZ = ".xz"
    ZSTD = ".zst"


MAGIC = {
    b"\x1f\x8b": Compression.GZIP,
    b"BZh": Compression.BZIP2,
    b"\xfd7zXZ\x00": Compression.XZ,
    b"\x28\xb5\x2f\xfd": Compression.ZSTD,
}
"""What compressed files begin with."""


def uncompress(file: io.RawIOBase, compression: Compression) -> io.BufferedReader:
    """The content of a file that may be compressed."""
    raw = io.BufferedReader(file, _CHUNK)
    match compression:
        case Compression.GZIP:
            return io.BufferedReader(gzip.GzipFile(fileobj=raw))
        case Compression.BZIP2:
            return io.BufferedReader(_Streams(raw, bz2.BZ2Decompressor), _CHUNK)
        case Compression.XZ:
            return io.BufferedReader(_Streams(raw, _xz_decompressor), _CHUNK)
        case Compression.ZSTD:
            stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
            return io.BufferedReader(stream, _CHUNK)
    return raw  # type: ignore[return-value]


def _xz_decompressor() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=_XZ_MEMORY)


class _Streams(io.RawIOBase):
    """Unpacks compressed streams that follow each other, and refuses whatever else does.

    The standard library's files pass over what they don't know, and bound no memory.
    """

    def __init__(
        self, file: IO[bytes], new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
    ) -> None:
        self._file = file
        self._new = new
        self._decompressor = new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        data = b""
        while not data:
            if self._decompressor.eof:
                rest = (self._decompressor.unused_data + self._file.read(_CHUNK)).lstrip(b"\0")
                if not rest:
                    return 0
                self._decompressor = self._new()
            else:
                rest = self._file.read(_CHUNK) if self._decompressor.needs_input else b""
                if not rest and self._decompressor.needs_input:
                    raise EOFError
            data = self._decompressor.decompress(rest, max_length=len(buffer))
        buffer[: len(data)] = data
        return len(data)


def open_write(path: Path, compression: Compression = Compression.NONE) -> IO[bytes]:
    """A new file with the given compression; the same rows give the same bytes."""
    match compression:
        case Compression.GZIP:
            return io.BufferedWriter(gzip.GzipFile(path, "wb", mtime=0))
        case Compression.BZIP2:
            return bz2.open(path, "wb")
        case Compression.XZ:
            return lzma.open(path, "wb")
        case Compression.ZSTD:
            return _ZstdWriter(path)
    return path.open("wb")


class _ZstdWriter(io.BufferedWriter):
    """Closing it closes the file, too, which Arrow's stream leaves to its caller."""

    def __init__(self, path: Path) -> None:
        self._below = path.open("wb")
        super().__init__(pa.CompressedOutputStream(pa.PythonFile(self._below, mode="w"), "zstd"))

    def close(self) -> None:
        super().close()
        self._below.close()
