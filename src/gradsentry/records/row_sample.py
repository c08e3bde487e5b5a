"""A look at data before all of it is read: all rows of small data, some of large data."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, islice
from typing import BinaryIO

from gradsentry.records.arrow_folder import ArrowFolder
from gradsentry.records.compression import Compression, uncompress
from gradsentry.records.limits import ROW_TEXT
from gradsentry.records.parquet_file import ParquetFiles
from gradsentry.records.record import Record
from gradsentry.records.source import Source
from gradsentry.records.tables import DatasetTable
from gradsentry.records.text_file import TextFiles, record_of
from gradsentry.records.text_rows import read_jsonl
from gradsentry.records.watched_file import WatchedFile

SMALL_ROWS, SMALL_BYTES = 10_000, 64 << 20
"""Data with fewer rows, and fewer bytes of text, are read as a whole, which takes seconds."""
PLACES, ROWS_AT_A_PLACE = 100, 40
"""Of a sample: as many rows as are encoded in a second or so. Rows that lie side by side are often
alike, so many places tell more than many rows at one."""
_BYTES_AT_A_PLACE = 1 << 20
_READ_BYTES = 1 << 16
_UNPACKED = 16 << 20
"""How much of a compressed file is unpacked to see how well it is compressed."""


class Drawn(StrEnum):
    """Which rows a sample has."""

    ALL = "all rows"
    SPREAD = "rows at places spread evenly over the files"
    FIRST = "the first rows"


@dataclass(frozen=True, eq=False)
class RowSample:
    """Some rows, and what they are a sample of."""

    stretches: Sequence[Sequence[Record]]
    """Rows that lie side by side, at least one of them."""
    drawn: Drawn
    whole: int
    """What all rows are: their number where `counts_rows`, else their bytes."""
    counts_rows: bool

    def weight(self, stretch: Sequence[Record]) -> int:
        """What a stretch is of the whole."""
        return len(stretch) if self.counts_rows else sum(record.size for record in stretch)


def take_sample(source: Source) -> RowSample:
    """All rows of a source with few, else rows from many places or, where no place in the files
    can be gone to, the first ones.

    **Raises:**

    `InputError` for a row that can't be read.
    """
    first: list[Record] = []
    size = 0
    for record in source.records():
        if len(first) == SMALL_ROWS or size > SMALL_BYTES:
            break
        first.append(record)
        size += record.size
    else:
        return RowSample([first], Drawn.ALL, len(first), counts_rows=True)
    if isinstance(source, TextFiles) and _can_seek(source):
        found = [rows for rows in _spread(source) if rows]
        if found:
            whole = sum(file.stamp[0] for file in source.files)
            return RowSample(found, Drawn.SPREAD, whole, counts_rows=False)
    whole, counts_rows = _whole(source)
    some = first[: PLACES * ROWS_AT_A_PLACE]
    step = -(-len(some) // PLACES)
    stretches = [some[start : start + step] for start in range(0, len(some), step)]
    return RowSample(stretches, Drawn.FIRST, whole, counts_rows)


def _can_seek(source: TextFiles) -> bool:
    """Whether a row begins behind every line end."""
    plain = all(file.compression is Compression.NONE for file in source.files)
    return source.form == "jsonl" and plain


def _spread(source: TextFiles) -> Iterator[list[Record]]:
    """Rows at places spread evenly over the bytes of JSON lines."""
    ends = list(accumulate(file.stamp[0] for file in source.files))
    for place in range(PLACES):
        offset = (2 * place + 1) * ends[-1] // (2 * PLACES)
        number = next(number for number, end in enumerate(ends) if offset < end)
        file = source.files[number]
        yield list(_rows_behind(file, offset - (ends[number] - file.stamp[0])))


def _rows_behind(file: WatchedFile, offset: int) -> Iterator[Record]:
    """Rows behind the one in which a place lies."""
    label = f"{file.label} (behind byte {offset:,})"
    with file.open() as raw:
        raw.seek(offset)
        content = uncompress(_Counting(raw), file.compression)
        content.readline(ROW_TEXT)
        size = 0
        for row, found in enumerate(islice(read_jsonl(content, label), ROWS_AT_A_PLACE)):
            record = record_of(label, row, found, is_array=False)
            yield record
            size += record.size
            if size > _BYTES_AT_A_PLACE:
                break
        content.detach()


def _whole(source: Source) -> tuple[int, bool]:
    """What all rows of a source are, and whether that is their number."""
    if isinstance(source, ParquetFiles) and (rows := source.count_rows()) is not None:
        return rows, True
    if isinstance(source, DatasetTable):
        return source.dataset.num_rows, True
    if isinstance(source, TextFiles | ArrowFolder | ParquetFiles):
        return sum(map(_unpacked_size, source.files)), False
    return sum(path.stat().st_size for path in source.paths), False


def _unpacked_size(file: WatchedFile) -> int:
    """Bytes of a file's content; of a compressed one, as well as its beginning is compressed."""
    size = file.stamp[0]
    if file.compression is Compression.NONE:
        return size
    with file.open() as raw:
        counting = _Counting(raw)
        content, unpacked = uncompress(counting, file.compression), 0
        while unpacked < _UNPACKED and (part := content.read1(_READ_BYTES)):
            unpacked += len(part)
    return unpacked * size // max(1, counting.count)


class _Counting(io.RawIOBase):
    """Reads a file in small pieces, and counts their bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer[:_READ_BYTES])  # type: ignore[attr-defined]
        self.count += count
        return int(count)
