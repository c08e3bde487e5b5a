"""Data files: JSON lines, JSON arrays, CSV and Parquet, each also gzipped.

Every reader streams: memory holds one row (Parquet: one batch of rows), never the file. The text
formats are written back byte for byte, from the same bytes that were read.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import itertools
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.errors import InputError
from gradsentry.records.record import Record
from gradsentry.records.source import BoolArray, Source
from gradsentry.records.text_rows import (
    check_distinct,
    csv_lines,
    csv_rows,
    decoded_lines,
    json_array_rows,
    jsonl_rows,
)

Format = Literal["jsonl", "json", "csv", "tsv", "parquet"]

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}

SUPPORTED = "JSONL, JSON, CSV, TSV or Parquet, each also with .gz"


_PARQUET_BATCH = 512
_PARQUET_ROW_GROUP = 8192


def open_file(path: Path) -> Source:
    """The source for a data file, chosen by its suffix.

    **Raises:**

    `InputError` if the file isn't there, can't be opened, is empty or has an unknown suffix.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    gzipped = bool(suffixes) and suffixes[-1] == ".gz"
    stem_suffix = suffixes[-2:-1] if gzipped else suffixes[-1:]
    form = SUFFIXES.get(stem_suffix[0]) if stem_suffix else None
    if form is None:
        raise InputError(
            f"{path}: the file's suffix doesn't say what format it has.",
            f"Give it the suffix of its format: {SUPPORTED}. Plain text needs rows with a column "
            "`text`.",
        )
    with _reading(path):
        stat = path.stat()
        if stat.st_size == 0:
            raise _no_rows(path)
        if form == "json" and _starts_with_object(path, gzipped):
            form = "jsonl"  # JSON lines under the suffix .json are common
    stamp = (stat.st_size, stat.st_mtime_ns)
    if form == "parquet":
        return ParquetFile(path, gzipped, stamp)
    return TextFile(path, form, gzipped, stamp)


@dataclass(frozen=True)
class TextFile:
    """A JSONL, JSON, CSV or TSV file."""

    path: Path
    form: Literal["jsonl", "json", "csv", "tsv"]
    gzipped: bool
    stamp: tuple[int, int] = field(compare=False)
    """Size and modification time when opened: a file that changes during a scan is refused."""

    @property
    def label(self) -> str:
        return str(self.path)

    def records(self) -> Iterator[Record]:
        for row, (_, fields, place) in enumerate(self._slices()):
            if not isinstance(fields, dict):
                raise InputError(
                    f"{self.path}, row {row} ({place}): a {type(fields).__name__} where an "
                    "object with named columns is needed.",
                    'Write each row as an object, such as {"prompt": ..., "response": ...}.',
                )
            yield Record(row, fields, f"{self.path}, row {row} ({place})")

    def check_writable(self) -> None:
        """Rows are written as they are read."""

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        suffix = f".{self.form}" + (".gz" if self.gzipped else "")
        names = {part: part + suffix for part in parts}
        head, between, tail = self._frame()
        with contextlib.ExitStack() as stack:
            files = {
                part: stack.enter_context(open_write(folder / name, self.gzipped))
                for part, name in names.items()
            }
            empty = dict.fromkeys(parts, True)
            for file in files.values():
                file.write(head)
            for row, (raw, _, _) in enumerate(self._slices()):
                for part, mask in parts.items():
                    if mask[row]:
                        files[part].write(raw if empty[part] else between + raw)
                        empty[part] = False
            for file in files.values():
                file.write(tail)
        return names

    def select(self, mask: BoolArray) -> datasets.Dataset:
        rows: list[Mapping[str, object]] = []
        columns: dict[str, None] = {}  # in order of appearance; a row may lack some
        for record in self.records():
            columns.update(dict.fromkeys(record.fields))
            if mask[record.row]:
                rows.append(record.fields)
        with _as_dataset(self.label):
            return datasets.Dataset.from_dict(
                {column: [fields.get(column) for fields in rows] for column in columns}
            )

    def _frame(self) -> tuple[bytes, bytes, bytes]:
        """What stands before, between and after the rows of the file."""
        if self.form == "json":
            return b"[\n", b",\n", b"\n]\n"
        if self.form == "jsonl":
            return b"", b"", b""
        with _reading(self.path, self.stamp), _open_read(self.path, self.gzipped) as file:
            # Excel needs the mark to read UTF-8.
            mark = codecs.BOM_UTF8 if file.peek(3).startswith(codecs.BOM_UTF8) else b""
            _, lines = next(csv_lines(decoded_lines(file, self.path), self._delimiter))
        return mark + "".join(lines).encode(), b"", b""

    @property
    def _delimiter(self) -> str:
        return "\t" if self.form == "tsv" else ","

    def _slices(self) -> Iterator[tuple[bytes, Any, str]]:
        """Yield (the row's bytes, its parsed value, its place in the file)."""
        with _reading(self.path, self.stamp), _open_read(self.path, self.gzipped) as file:
            if self.form == "jsonl":
                slices = jsonl_rows(file, self.path)
            elif self.form == "json":
                slices = json_array_rows(file, self.path)
            else:
                slices = csv_rows(file, self.path, self._delimiter)
            count = 0
            for count, item in enumerate(slices, start=1):  # noqa: B007
                yield item
            if count == 0:
                raise _no_rows(self.path)


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file; gzipped ones are unpacked into a temporary file first."""

    path: Path
    gzipped: bool
    stamp: tuple[int, int] = field(compare=False)

    @property
    def label(self) -> str:
        return str(self.path)

    def records(self) -> Iterator[Record]:
        row = 0
        for batch in self._batches():
            try:
                rows = batch.to_pylist()
            except (ValueError, OverflowError) as error:
                raise InputError(
                    f"{self.path}, row {row} or one soon after: a value can't be read ({error}).",
                    "Write the file again with valid UTF-8 and dates, or without this column.",
                ) from None
            for fields in rows:
                yield Record(row, fields, f"{self.path}, row {row}")
                row += 1

    def check_writable(self) -> None:
        """Rows are written as they are read."""

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        names = {part: f"{part}.parquet" + (".gz" if self.gzipped else "") for part in parts}
        with contextlib.ExitStack() as stack:
            batches = self._batches(_PARQUET_ROW_GROUP)
            first = next(batches)
            writers: dict[str, pq.ParquetWriter] = {}
            for part, name in names.items():
                sink = stack.enter_context(open_write(folder / name, self.gzipped))
                writers[part] = stack.enter_context(pq.ParquetWriter(sink, first.schema))
            start = 0
            for batch in itertools.chain([first], batches):
                stop = start + batch.num_rows
                for part, mask in parts.items():
                    kept = batch.filter(pa.array(mask[start:stop]))
                    if kept.num_rows > 0:
                        writers[part].write_batch(kept)
                start = stop
        return names

    def select(self, mask: BoolArray) -> datasets.Dataset:
        table = pa.Table.from_batches(self._batches())
        with _as_dataset(self.label):
            return datasets.Dataset(table.filter(pa.array(mask)))

    def _batches(self, rows: int = _PARQUET_BATCH) -> Iterator[pa.RecordBatch]:
        """Stream the rows in batches of at most `rows`, at least one batch of them."""
        with _reading(self.path, self.stamp), contextlib.ExitStack() as stack:
            data: Path | IO[bytes] = self.path
            if self.gzipped:
                data = stack.enter_context(tempfile.TemporaryFile())
                with gzip.open(self.path) as packed:
                    shutil.copyfileobj(packed, data)
                data.seek(0)
            file = stack.enter_context(pq.ParquetFile(data))
            check_distinct(file.schema_arrow.names, self.path)
            if file.metadata.num_rows == 0:
                raise _no_rows(self.path)
            # Views of strings are new in Arrow, and most of its functions don't take them yet.
            schema = _without_views(file.schema_arrow)
            index, row = _named_range_index(schema), 0
            if index is not None:
                check_distinct([*schema.names, index.name], self.path)
            for batch in file.iter_batches(batch_size=rows):
                batch = batch.cast(schema)
                if index is not None:
                    values = index.start + index.step * np.arange(row, row + len(batch))
                    batch = batch.append_column(index.name, pa.array(values))
                    batch = batch.replace_schema_metadata(_without_pandas(schema.metadata))
                yield batch
                row += len(batch)


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


def _without_pandas(metadata: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {key: value for key, value in metadata.items() if key != b"pandas"}


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


def _starts_with_object(path: Path, gzipped: bool) -> bool:
    with _open_read(path, gzipped) as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def _open_read(path: Path, gzipped: bool) -> io.BufferedReader:
    return io.BufferedReader(gzip.GzipFile(path)) if gzipped else path.open("rb")


def open_write(path: Path, gzipped: bool) -> IO[bytes]:
    # mtime=0: the same rows give the same bytes.
    return io.BufferedWriter(gzip.GzipFile(path, "wb", mtime=0)) if gzipped else path.open("wb")


@contextlib.contextmanager
def _reading(path: Path, stamp: tuple[int, int] | None = None) -> Iterator[None]:
    """Turn what can go wrong on opening and reading into an error with a remedy."""
    try:
        if stamp is not None:
            stat = path.stat()
            if (stat.st_size, stat.st_mtime_ns) != stamp:
                raise InputError(
                    f"{path}: the file changed during the scan.",
                    "Scan again when nothing writes to it.",
                )
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.", "Check the path.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(
            f"{path}: the gzip data is broken or incomplete.", "Compress or copy the file again."
        ) from None
    except pa.ArrowException as error:
        raise InputError(
            f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}).",
            "Write the file again, or check its suffix.",
        ) from None
    except OSError as error:  # PyArrow's, for broken pages, have no `strerror`
        raise InputError(
            f"{path}: can't be read ({error.strerror or str(error).splitlines()[0]}).",
            "Check the path and its permissions, or write the file again.",
        ) from None


def _no_rows(path: Path) -> InputError:
    return InputError(f"{path}: the file holds no rows.", "Check that it is the right file.")


@contextlib.contextmanager
def _as_dataset(label: str) -> Iterator[None]:
    """JSON and Parquet can hold what a `Dataset` can't, such as several types in one column."""
    try:
        yield
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{label}: its rows don't fit into a `Dataset` ({str(error).splitlines()[0]}).",
            "Write the cleaned file with `save` instead; it keeps the rows as they are.",
        ) from None
