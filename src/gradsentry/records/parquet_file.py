"""Parquet files as sources."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.errors import InputError
from gradsentry.records.arrow_rows import (
    cut_batch,
    decode_records,
    fitting_dataset,
    read_features,
    write_parquet,
)
from gradsentry.records.compression import uncompress
from gradsentry.records.parquet_pages import (
    MAGIC,
    not_parquet,
    read_as_dictionaries,
    read_row_groups,
    rows_at_once,
)
from gradsentry.records.part_files import part_files
from gradsentry.records.record import Record
from gradsentry.records.source import BoolArray, joint_digest
from gradsentry.records.text_rows import check_distinct
from gradsentry.records.watched_file import Digesting, WatchedFile, digest_of, first_line

# Columns are read in pieces of this size, not a row group at once.
_BUFFER = 1 << 20

UNPACKED = 4 << 30
"""Bytes that a compressed Parquet file may take on the disk: a small one could fill any."""


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files, one after the other as one data set. Compressed ones are unpacked into a
    temporary file first."""

    files: Sequence[WatchedFile]
    """At least one."""
    label: str

    @property
    def paths(self) -> list[Path]:
        return [path for file in self.files for path in file.paths]

    @property
    def digest(self) -> str | None:
        return joint_digest([file.seen.digest for file in self.files])

    def records(self) -> Iterator[Record]:
        features, row = read_features(self._schema()), 0
        for file, batch in self._batches():
            yield from decode_records(cut_batch(batch, row, file.label), file.label, features, row)
            row += batch.num_rows

    def check_writable(self) -> None:
        """Rows are written as they are read."""

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        written = part_files(folder, parts, self.files, "parquet")
        row = 0
        for file, paths in zip(self.files, written.paths, strict=True):
            row += write_parquet(
                _slices_of(file, row),
                _schema_of(file),
                paths,
                parts,
                file.compression,
                first=row,
                even_empty=written.even_empty,
            )
        return dict(written.names)

    def select(self, mask: BoolArray) -> datasets.Dataset:
        schema, kept, start = self._schema(), [], 0
        for part in self._slices():
            rows = part.filter(pa.array(mask[start : start + part.num_rows]))
            start += part.num_rows
            kept.append(rows.cast(schema))
        if read_features(schema) is None and b"huggingface" in (schema.metadata or {}):
            # What `datasets` can't read would stop it.
            kept = [rows.replace_schema_metadata(None) for rows in kept]
            schema = schema.remove_metadata()
        with fitting_dataset(self.label):
            return datasets.Dataset(pa.Table.from_batches(kept, schema))

    def count_rows(self) -> int | None:
        """How many rows the files say that they hold; None where one must be unpacked for that."""
        if any(file.compression for file in self.files):
            return None
        rows = 0
        for file in self.files:
            with file.open() as raw, _parquet(raw, file.label) as parquet:
                rows += parquet.metadata.num_rows
        return rows

    def check_schemas(self) -> None:
        """Refuse files that don't have the same columns with the same types."""
        schema = self._schema()
        for file in self.files[1:]:
            with _open_parquet(file) as opened:
                if not opened.schema.equals(schema):
                    raise InputError(
                        f"{file.label}: its columns aren't those of {self.files[0].label}.",
                        "Give all files the same columns with the same types, or scan each by "
                        "itself.",
                    )

    def _schema(self) -> pa.Schema:
        return _schema_of(self.files[0])

    def _slices(self) -> Iterator[pa.RecordBatch]:
        row = 0
        for file, batch in self._batches():
            yield from cut_batch(batch, row, file.label)
            row += batch.num_rows

    def _batches(self) -> Iterator[tuple[WatchedFile, pa.RecordBatch]]:
        """Batches of the files' rows in order, texts still as numbers of their dictionary."""
        for file in self.files:
            with _open_parquet(file) as opened:
                for batch in opened.batches():
                    yield file, batch


@dataclass(frozen=True)
class _OpenedParquet:
    """A Parquet file while it is read."""

    file: WatchedFile
    content: BinaryIO
    digest: str
    parquet: pq.ParquetFile
    stored: pa.Schema
    """The columns of the file."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of the rows, as they are written."""
        # Views of strings are new in Arrow, and most of its functions don't take them yet.
        schema = _without_views(self.stored)
        index = _named_range_index(schema)
        if index is None:
            return schema
        check_distinct([*schema.names, index.name], self.file.label)
        metadata = {key: value for key, value in schema.metadata.items() if key != b"pandas"}
        return schema.append(pa.field(index.name, pa.int64())).with_metadata(metadata)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in batches that take bounded memory."""
        if self.parquet.metadata.num_rows <= 0:
            raise self.file.no_rows()
        index, row = _named_range_index(self.stored), 0
        size = rows_at_once(self.content, self.parquet, self.file.label)
        schema = self.schema
        for batch in self.parquet.iter_batches(batch_size=size):
            self.file.check_row(row + batch.num_rows - 1)
            if index is not None:
                values = index.start + index.step * np.arange(row, row + len(batch))
                batch = batch.append_column(index.name, pa.array(values))
            yield batch.replace_schema_metadata(schema.metadata)
            row += len(batch)
        if row != self.parquet.metadata.num_rows:
            raise InputError(
                f"{self.file.label}: it says that it holds {self.parquet.metadata.num_rows:,} "
                f"rows, and it holds {row:,}.",
                "Write the file again.",
            )
        self.file.check_digest(self.digest, row)


def _slices_of(file: WatchedFile, row: int) -> Iterator[pa.RecordBatch]:
    """The rows of a file in bounded slices; its first one is number `row` of the data."""
    with _open_parquet(file) as opened:
        for batch in opened.batches():
            yield from cut_batch(batch, row, file.label)
            row += batch.num_rows


def _schema_of(file: WatchedFile) -> pa.Schema:
    with _open_parquet(file) as opened:
        return opened.schema


@contextlib.contextmanager
def _open_parquet(file: WatchedFile) -> Iterator[_OpenedParquet]:
    with file.open() as raw, contextlib.ExitStack() as stack:
        digest = digest_of(raw)
        packed = uncompress(Digesting(raw), file.compression)
        if packed.peek(4)[:4] != MAGIC:
            raise not_parquet(file.label, "it doesn't begin like one")
        content = raw
        if file.compression:
            content = stack.enter_context(tempfile.TemporaryFile())
            _unpack(packed, content, file.label)
        groups = read_row_groups(content, file.label)
        plain = stack.enter_context(_parquet(content, file.label))
        check_distinct(plain.schema_arrow.names, file.label)
        dictionaries = [
            plain.schema.column(place).path
            for place, kept in enumerate(read_as_dictionaries(groups, plain))
            if kept
        ]
        parquet = stack.enter_context(_parquet(content, file.label, dictionaries))
        yield _OpenedParquet(file, content, digest, parquet, plain.schema_arrow)


def _unpack(packed: BinaryIO, content: BinaryIO, label: str) -> None:
    while chunk := packed.read(_BUFFER):
        content.write(chunk)
        if content.tell() > UNPACKED:
            raise InputError(
                f"{label}: it unpacks to more than {UNPACKED >> 30} GiB.",
                "Unpack it yourself, and scan the Parquet file: it is compressed inside.",
            )


def _parquet(content: BinaryIO, label: str, dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
    content.seek(0)
    try:
        return pq.ParquetFile(
            pa.PythonFile(content, mode="r"),
            read_dictionary=list(dictionaries),
            buffer_size=_BUFFER,
            pre_buffer=False,
        )
    except MemoryError:  # Arrow's is an `ArrowException`, too
        raise
    except pa.ArrowException as error:
        raise not_parquet(label, first_line(error)) from None


@dataclass(frozen=True)
class _RangeIndex:
    """An index of a data frame that is no column of its Parquet file: pandas keeps its range."""

    name: str
    start: int
    step: int


def _named_range_index(schema: pa.Schema) -> _RangeIndex | None:
    """The index that rows would lose with their positions, if the file has one with a name."""
    try:
        described = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        for index in described.get("index_columns", []):
            if isinstance(index, dict) and index.get("kind") == "range" and index.get("name"):
                return _RangeIndex(str(index["name"]), int(index["start"]), int(index["step"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # whoever wrote this wasn't pandas
    return None


def _without_views(schema: pa.Schema) -> pa.Schema:
    fields = [field.with_type(_without_view(field.type)) for field in schema]
    return pa.schema(fields, metadata=schema.metadata)


def _without_view(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_struct(kind):
        inner = (kind.field(place) for place in range(kind.num_fields))
        return pa.struct([field.with_type(_without_view(field.type)) for field in inner])
    for is_kind, make in ((pa.types.is_list, pa.list_), (pa.types.is_large_list, pa.large_list)):
        if is_kind(kind):
            return make(kind.value_field.with_type(_without_view(kind.value_type)))
    return kind
