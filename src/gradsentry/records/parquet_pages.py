"""The pages of a Parquet file, told from their headers: what reading them will take.

A few bytes of Parquet can stand for any amount: pages are compressed, dictionaries and runs repeat
values, and footers say what they like. Readers unpack whole pages, so their headers are read first.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from gradsentry.errors import InputError
from gradsentry.records.arrow_rows import BATCH_BYTES, BATCH_ROWS
from gradsentry.records.limits import ROW_BYTES, ROW_TEXT

MAGIC = b"PAR1"
"""What Parquet files begin with."""

BOMB_RATIO = 16
"""Pages that unpack to more than so many times their size may be bombs; texts come to 2 to 10."""

BOMB_BYTES = 48 << 20
"""What such pages may take unpacked, of those that are read at once, one a column. Arrow needs five
times as much for a dictionary. Writers make pages of 1 MB, or of a thousand rows."""

PAGE_BYTES = 512 << 20
"""What all pages that are read at once may take: DuckDB makes pages of up to 100 MB a column."""

_MALFORMED = (LookupError, ValueError, TypeError, AttributeError, OSError, RecursionError)
_TAIL = 8
_HEADER = 1 << 14
_LONGEST_HEADER = 1 << 20
_DELTA_LENGTH_BYTE_ARRAY, _DELTA_BYTE_ARRAY = 6, 7
_LIST_VALUE = 16
"""Bytes that a value in a list takes with its place."""


@dataclass(frozen=True)
class _Page:
    """What a page's header says."""

    unpacked: int
    packed: int
    values: int
    encoding: int
    is_dictionary: bool

    @property
    def may_be_a_bomb(self) -> bool:
        """Whether it unpacks to far more than texts do."""
        return self.unpacked > BOMB_RATIO * self.packed


@dataclass(frozen=True)
class Chunk:
    """Where a column of a row group lies in the file, as its footer says."""

    name: str
    start: int
    end: int
    values: int
    encodings: tuple[int, ...]


@dataclass(frozen=True)
class RowGroup:
    """A part of a Parquet file's rows."""

    rows: int
    chunks: list[Chunk]


def read_row_groups(file: BinaryIO, label: str) -> list[RowGroup]:
    """What a file's footer says, read without Arrow: some broken footers make it abort.

    **Raises:**

    `InputError` if the footer is broken, or larger than its parsing may take.
    """
    try:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _TAIL))
        length, magic = struct.unpack("<I4s", file.read(_TAIL))
        if magic != MAGIC or length > size:
            raise not_parquet(label, "it doesn't end like one")
        if length > ROW_TEXT:
            raise not_parquet(label, f"its footer is larger than {ROW_TEXT >> 20} MiB")
        file.seek(size - _TAIL - length)
        footer, _ = _struct(file.read(length), 0)
        return [RowGroup(int(group[3]), [_chunk(one) for one in group[1]]) for group in footer[4]]
    except (*_MALFORMED, struct.error):
        raise not_parquet(label, "its footer") from None


def _chunk(fields: dict[int, Any]) -> Chunk:
    found = fields[3]
    dictionary, data = found.get(11, 0), found[9]
    start = dictionary if 0 < dictionary < data else data
    name = b".".join(found[3]).decode(errors="replace")
    return Chunk(name, start, start + found[7], found[5], tuple(found.get(2, ())))


def read_as_dictionaries(groups: Sequence[RowGroup], parquet: pq.ParquetFile) -> list[bool]:
    """For each column, whether it is read as numbers of its dictionary.

    Texts are, so that one which many rows have comes once. Arrow's JSON can't be, nor can texts in
    an encoding that has no dictionaries.
    """
    columns = [parquet.schema.column(place) for place in range(len(parquet.schema))]
    return [
        column.physical_type == "BYTE_ARRAY"
        and column.logical_type.type in ("STRING", "NONE", "ENUM")
        and not any(
            _DELTA_LENGTH_BYTE_ARRAY in group.chunks[place].encodings
            for group in groups
            if place < len(group.chunks)
        )
        for place, column in enumerate(columns)
    ]


def rows_at_once(file: BinaryIO, parquet: pq.ParquetFile, label: str) -> int:
    """How many rows may be read at once.

    **Raises:**

    `InputError` for pages that can't be read in bounded memory, and for none at all.
    """
    groups = read_row_groups(file, label)
    kept = read_as_dictionaries(groups, parquet)
    rows = BATCH_ROWS
    for group in groups:
        if group.rows < 0 or len(group.chunks) != len(kept):
            raise not_parquet(label, "its footer")
        if group.rows > 0:
            columns = [
                _Column(parquet.schema.column(place), group.rows, keeps_dictionary)
                for place, keeps_dictionary in enumerate(kept)
            ]
            density = _row_bytes(file, group, columns, label)
            rows = min(rows, max(1, int(BATCH_BYTES / max(1.0, density))))
    return rows


def _row_bytes(file: BinaryIO, group: RowGroup, columns: Sequence[_Column], label: str) -> float:
    """About what a row of a group takes in memory; errors as for `rows_at_once`."""
    density, at_once, by_bombs = 0.0, 0, 0
    for chunk, column in zip(group.chunks, columns, strict=True):
        pages = list(_pages(file, chunk, label))
        density += column.row_bytes(pages)
        at_once += page_bytes(pages)
        by_bombs += page_bytes([page for page in pages if page.may_be_a_bomb])
        if any(page.encoding == _DELTA_BYTE_ARRAY for page in pages):
            raise InputError(
                f"{label}: column {chunk.name!r} is written in deltas of texts "
                "(DELTA_BYTE_ARRAY), which can unpack to any size.",
                "Write the file again in another encoding, for example with pyarrow.",
            )
    for taken, most in ((by_bombs, BOMB_BYTES), (at_once, PAGE_BYTES)):
        if taken <= most:
            continue
        raise InputError(
            f"{label}: its pages unpack to {taken >> 20} MiB, at most "
            f"{most >> 20} MiB can be read.",
            "Write the file again with smaller pages, for example with pyarrow: "
            "write_table(table, path, write_batch_size=16). A single value of this size can't "
            "be read.",
        )
    if density > ROW_BYTES:
        raise InputError(
            f"{label}: its rows hold more than {ROW_BYTES >> 20} MiB each.",
            "Remove them, or leave out the column that makes them so large.",
        )
    return density


def page_bytes(pages: Sequence[_Page]) -> int:
    """What a dictionary and a page take when they are unpacked."""
    return sum(
        max((page.unpacked for page in pages if page.is_dictionary is kind), default=0)
        for kind in (True, False)
    )


@dataclass(frozen=True)
class _Column:
    """A column of a row group, and what its rows take in memory."""

    schema: Any
    rows: int
    keeps_dictionary: bool
    """Whether a dictionary's values come once, not once for each row that has them."""

    def row_bytes(self, pages: list[_Page]) -> float:
        """About what a row takes: in the fullest page, or on average where rows hold lists."""
        data = [page for page in pages if not page.is_dictionary]
        values = sum(page.values for page in data)
        repeated = 0
        if not self.keeps_dictionary:
            repeated = max((page.unpacked for page in pages if page.is_dictionary), default=0)
            repeated = 0 if self.schema.physical_type != "BYTE_ARRAY" else repeated
        if self.schema.max_repetition_level == 0:
            fullest = max((page.unpacked / max(1, page.values) for page in data), default=0.0)
            return fullest + repeated
        unpacked = sum(page.unpacked for page in data)
        return (unpacked + values * (_LIST_VALUE + repeated)) / self.rows


def _pages(file: BinaryIO, chunk: Chunk, label: str) -> Iterator[_Page]:
    """The headers of a column chunk's pages."""
    place, values = chunk.start, 0
    if not 0 <= chunk.start <= chunk.end:
        raise not_parquet(label, "a page lies outside of the file")
    while place < chunk.end and values < chunk.values:
        fields, length = _header(file, place, label)
        kinds = [fields.get(number) for number in (5, 7, 8)]  # data, dictionary, data of version 2
        unpacked, packed = fields.get(2, -1), fields.get(3, -1)
        of_kind = next((kind for kind in kinds if isinstance(kind, dict)), {})
        page = _Page(
            unpacked,
            packed,
            of_kind.get(1, 0),
            of_kind.get(4 if kinds[2] else 2, 0),
            is_dictionary=isinstance(kinds[1], dict),
        )
        numbers = (page.unpacked, page.packed, page.values, page.encoding)
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise not_parquet(label, "a page's header")
        yield page
        values += 0 if page.is_dictionary else page.values
        place += length + page.packed


def _header(file: BinaryIO, place: int, label: str) -> tuple[dict[int, Any], int]:
    """A page header's fields, and its length."""
    size = _HEADER
    while True:
        file.seek(place)
        data = file.read(size)
        try:
            return _struct(data, 0)
        except (IndexError, struct.error):
            if len(data) < size or size >= _LONGEST_HEADER:
                raise not_parquet(label, "a page's header") from None
            size *= 4
        except (ValueError, RecursionError):
            raise not_parquet(label, "a page's header") from None


def not_parquet(label: str, what: str) -> InputError:
    """The error for a file that is broken, or something else."""
    return InputError(
        f"{label}: not a readable Parquet file ({what}).",
        "Write the file again, or check its suffix.",
    )


def _struct(data: bytes, place: int) -> tuple[dict[int, Any], int]:
    """A struct in Thrift's compact protocol, and the place behind it."""
    fields: dict[int, Any] = {}
    number = 0
    while (head := data[place]) != 0:
        place += 1
        if head >> 4:
            number += head >> 4
        else:
            number, place = _integer(data, place)
        fields[number], place = _value(data, place, head & 15)
    return fields, place + 1


def _value(data: bytes, place: int, kind: int) -> tuple[Any, int]:
    match kind:
        case 1 | 2:
            return kind == 1, place
        case 3:
            return data[place], place + 1
        case 4 | 5 | 6:
            return _integer(data, place)
        case 7:
            return struct.unpack_from("<d", data, place)[0], place + 8
        case 8:
            length, place = _varint(data, place)
            if place + length > len(data):
                raise IndexError
            return data[place : place + length], place + length
        case 9 | 10:
            return _list(data, place)
        case 12:
            return _struct(data, place)
    raise ValueError("no such type")


def _list(data: bytes, place: int) -> tuple[list[Any], int]:
    count, kind = data[place] >> 4, data[place] & 15
    place += 1
    if count == 15:
        count, place = _varint(data, place)
    items = []
    for _ in range(count):
        # In lists, unlike in structs, truth takes a byte.
        item, place = (data[place], place + 1) if kind in (1, 2) else _value(data, place, kind)
        items.append(item)
    return items, place


def _integer(data: bytes, place: int) -> tuple[int, int]:
    number, place = _varint(data, place)
    return number >> 1 ^ -(number & 1), place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        number |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return number, place
    raise ValueError("a number is too long")
