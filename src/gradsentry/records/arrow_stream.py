"""Arrow's streams, message by message, without a memory map of the user's file.

A file that somebody cuts short while it is mapped kills the process on the next access. What is
read is checked, and a message too large for memory is copied into a temporary file of our own.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO

import pyarrow as pa

from gradsentry.errors import InputError
from gradsentry.records.compression import Compression, uncompress
from gradsentry.records.limits import ROW_TEXT
from gradsentry.records.watched_file import Digesting, WatchedFile

_START = struct.Struct("<Ii")
"""What a message begins with: a mark, and the length of its metadata."""
_MARK = 0xFFFFFFFF
_IN_MEMORY = 16 << 20
"""Larger messages go into a temporary file: `datasets` may write 1,000 rows with images as one."""
_CHUNK = 1 << 20


class ArrowStream:
    """An open file with a stream of batches, which are read one after the other."""

    def __init__(self, raw: BinaryIO, file: WatchedFile) -> None:
        if file.stamp[0] == 0:
            raise file.no_rows()
        self._raw, self._file = raw, file
        self._digesting = Digesting(raw)
        self._content = uncompress(self._digesting, Compression.NONE)
        first = self._next()
        if first is None:
            raise file.no_rows()
        if first.type != "schema":  # which Arrow takes for granted here
            raise pa.ArrowInvalid("it doesn't begin with a schema")
        self.schema = pa.ipc.read_schema(first)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The batches as the stream says that they are; nothing in them is checked."""
        while (message := self._next()) is not None:
            if message.type != "record batch" or _is_compressed(message.metadata.to_pybytes()):
                raise InputError(
                    f"{self._file.label}: its rows are stored in a way that `datasets` doesn't "
                    "write.",
                    "Write the data set again with `Dataset.save_to_disk`.",
                )
            yield pa.ipc.read_record_batch(message, self.schema)

    def digest(self) -> str:
        """The digest of the whole file."""
        return self._digesting.digest()

    def _next(self) -> pa.ipc.Message | None:
        """The next message; None at the end."""
        start = self._content.read(_START.size)
        if not start:
            return None
        mark, length = _START.unpack(self._whole(start, _START.size))
        if mark != _MARK or length < 0:
            raise pa.ArrowInvalid("its messages don't begin as they should")
        if length == 0:
            return None
        if length > ROW_TEXT:
            raise pa.ArrowInvalid("a message's metadata are too long")
        metadata = self._whole(self._content.read(length), length)
        body = _body_length(metadata)
        if not 0 <= body <= self._file.stamp[0]:  # before memory is taken for it
            raise pa.ArrowInvalid("a message is longer than the file")
        total = _START.size + length + body
        if total <= _IN_MEMORY:
            held = start + metadata + self._whole(self._content.read(body), body)
            return pa.ipc.read_message(pa.py_buffer(held))
        with tempfile.TemporaryFile(prefix="gradsentry-", buffering=0) as copy:
            self._copy(start + metadata, body, copy)
            return pa.ipc.read_message(
                pa.py_buffer(mmap.mmap(copy.fileno(), total, access=mmap.ACCESS_READ))
            )

    def _copy(self, head: bytes, body: int, copy: IO[bytes]) -> None:
        _append(copy, head)
        while body:
            part = self._content.read(min(body, _CHUNK))
            self._whole(part, min(body, _CHUNK))
            _append(copy, part)
            body -= len(part)

    def _whole(self, part: bytes, length: int) -> bytes:
        if len(part) == length:
            return part
        if os.fstat(self._raw.fileno()).st_size != self._file.stamp[0]:
            raise self._file.changed()
        raise pa.ArrowInvalid("it ends within a message")


def _append(copy: IO[bytes], part: bytes) -> None:
    left = memoryview(part)
    try:
        while len(left):
            left = left[copy.write(left) :]
    except OSError as error:
        raise InputError(
            f"Rows can't be copied into the folder for temporary files ({error.strerror}).",
            "Name one with more room in TMPDIR.",
        ) from None


def _number(data: bytes, kind: str, place: int) -> int:
    return int(struct.unpack_from(kind, data, place)[0])


def _field_of(data: bytes, table: int, index: int) -> int:
    """Where a flatbuffer's table has a field, from the table's start; 0 if it lacks it."""
    fields = table - _number(data, "<i", table)
    offset = 4 + 2 * index
    return _number(data, "<H", fields + offset) if offset < _number(data, "<H", fields) else 0


def _body_length(metadata: bytes) -> int:
    """How many bytes follow a message's metadata."""
    try:
        message = _number(metadata, "<I", 0)
        place = _field_of(metadata, message, 3)
        return _number(metadata, "<q", message + place) if place else 0
    except struct.error:
        raise pa.ArrowInvalid("a message's metadata are broken") from None


def _is_compressed(metadata: bytes) -> bool:
    """Whether a record batch's header names a compression: a few bytes could unpack to any size."""
    try:
        message = _number(metadata, "<I", 0)
        header = message + _field_of(metadata, message, 2)
        return _field_of(metadata, header + _number(metadata, "<I", header), 3) != 0
    except struct.error:
        return True  # whatever this is
