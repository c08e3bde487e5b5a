"""Data files: JSON lines, JSON arrays, CSV and Parquet, each also gzipped.

Every reader streams: memory holds one row (Parquet: one batch of rows), never the file. The text
formats are written back byte for byte, from the same bytes that were read.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.errors import InputError
from gradsentry.records.record import Record
from gradsentry.records.source import BoolArray, Source

Format = Literal["jsonl", "json", "csv", "tsv", "parquet"]

_SUFFIXES: dict[str, Format] = {
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
_READ_SIZE = 1 << 20


def open_file(path: Path) -> Source:
    """The source for a data file, chosen by its suffix.

    **Raises:**

    `InputError` if the file isn't there, can't be opened, is empty or has an unknown suffix.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    gzipped = bool(suffixes) and suffixes[-1] == ".gz"
    stem_suffix = suffixes[-2:-1] if gzipped else suffixes[-1:]
    form = _SUFFIXES.get(stem_suffix[0]) if stem_suffix else None
    if form is None:
        raise InputError(
            f"{path}: the file's suffix doesn't say what format it has.",
            f"Give it the suffix of its format: {SUPPORTED}.",
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

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        suffix = f".{self.form}" + (".gz" if self.gzipped else "")
        names = {part: part + suffix for part in parts}
        head, between, tail = self._frame()
        with contextlib.ExitStack() as stack:
            files = {
                part: stack.enter_context(_open_write(folder / name, self.gzipped))
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
        return _as_dataset(
            [dict(record.fields) for record in self.records() if mask[record.row]], self.label
        )

    def _frame(self) -> tuple[bytes, bytes, bytes]:
        """What stands before, between and after the rows of the file."""
        if self.form == "json":
            return b"[\n", b",\n", b"\n]\n"
        if self.form == "jsonl":
            return b"", b"", b""
        with _reading(self.path, self.stamp), _open_read(self.path, self.gzipped) as file:
            _, lines = next(_csv_rows(_decoded_lines(file, self.path), self._delimiter))
        return _terminated("".join(lines).encode()), b"", b""

    @property
    def _delimiter(self) -> str:
        return "\t" if self.form == "tsv" else ","

    def _slices(self) -> Iterator[tuple[bytes, Any, str]]:
        """Yield (the row's bytes, its parsed value, its place in the file)."""
        with _reading(self.path, self.stamp), _open_read(self.path, self.gzipped) as file:
            if self.form == "jsonl":
                slices = _jsonl_slices(file, self.path)
            elif self.form == "json":
                slices = _json_array_slices(file, self.path)
            else:
                slices = _csv_slices(file, self.path, self._delimiter)
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
        with self._open() as file:
            if file.metadata.num_rows == 0:
                raise _no_rows(self.path)
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
                for fields in batch.to_pylist():
                    yield Record(row, fields, f"{self.path}, row {row}")
                    row += 1

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        names = {part: f"{part}.parquet" + (".gz" if self.gzipped else "") for part in parts}
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self._open())
            writers: dict[str, pq.ParquetWriter] = {}
            for part, name in names.items():
                sink = stack.enter_context(_open_write(folder / name, self.gzipped))
                writers[part] = stack.enter_context(pq.ParquetWriter(sink, file.schema_arrow))
            start = 0
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
                stop = start + batch.num_rows
                for part, mask in parts.items():
                    writers[part].write_batch(batch.filter(pa.array(mask[start:stop])))
                start = stop
        return names

    def select(self, mask: BoolArray) -> datasets.Dataset:
        with self._open() as file:
            return datasets.Dataset(file.read().filter(pa.array(mask)))

    @contextlib.contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        with _reading(self.path, self.stamp), contextlib.ExitStack() as stack:
            if self.gzipped:
                unpacked = stack.enter_context(tempfile.TemporaryFile())
                with gzip.open(self.path) as packed:
                    shutil.copyfileobj(packed, unpacked, _READ_SIZE)
                unpacked.seek(0)
                yield stack.enter_context(pq.ParquetFile(unpacked))
            else:
                yield stack.enter_context(pq.ParquetFile(self.path))


def _jsonl_slices(file: IO[bytes], path: Path) -> Iterator[tuple[bytes, Any, str]]:
    row = 0
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        text = _decode(line, path, number)
        try:
            value = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(
                f"{path}, row {row} (line {number}): not valid JSON ({_reason(error)}).",
                "Mend or remove this line; a JSONL file has one JSON object a line.",
            ) from None
        yield _terminated(line), value, f"line {number}"
        row += 1


def _json_array_slices(file: IO[bytes], path: Path) -> Iterator[tuple[bytes, Any, str]]:
    """Read one element of the top-level array at a time."""
    decoder = json.JSONDecoder()
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    buffer, read_size, row = "", _READ_SIZE, 0

    def refill() -> bool:
        nonlocal buffer
        more = text.read(read_size)
        buffer += more
        return bool(more)

    refill()
    buffer = buffer.lstrip()
    if not buffer.startswith("["):
        raise InputError(
            f"{path}: the file is neither a JSON array of rows nor JSON lines.",
            'Write the rows as [{"prompt": ..., "response": ...}, ...], or one object a line.',
        )
    buffer = buffer[1:]
    while True:
        buffer = buffer.lstrip()
        while not buffer and refill():
            buffer = buffer.lstrip()
        if buffer.startswith("]"):
            return
        problem = "the array is not closed"
        try:
            value, end = decoder.raw_decode(buffer)
            complete = end < len(buffer)  # a number may go on behind the buffer's end
        except (json.JSONDecodeError, RecursionError) as error:
            complete, problem = False, _reason(error)
        if not complete:
            read_size *= 2  # a long element costs a few attempts, not one per chunk
            if refill():
                continue
            raise InputError(
                f"{path}, row {row}: not valid JSON ({problem}).",
                "Mend this element; the file must be one JSON array of objects.",
            )
        read_size = _READ_SIZE
        yield buffer[:end].encode(), value, f"element {row}"
        row += 1
        buffer = buffer[end:].lstrip()
        while not buffer and refill():
            buffer = buffer.lstrip()
        if buffer.startswith(","):
            buffer = buffer[1:]
        elif not buffer.startswith("]"):
            raise InputError(
                f"{path}, row {row}: a comma or the array's closing bracket is missing.",
                "Mend the file here; it must be one JSON array of objects.",
            )


def _csv_slices(file: IO[bytes], path: Path, delimiter: str) -> Iterator[tuple[bytes, Any, str]]:
    rows = _csv_rows(_decoded_lines(file, path), delimiter)
    row, number = 0, 1
    try:
        header, lines = next(rows, ([], []))
        if len(set(header)) != len(header):
            raise InputError(f"{path}: two columns have the same name.", "Rename one of them.")
        number += len(lines)
        for values, lines in rows:
            place = f"line {number}"
            number += len(lines)
            if not values:
                continue
            if len(values) != len(header):
                raise InputError(
                    f"{path}, row {row} ({place}): {len(values)} values for {len(header)} columns.",
                    "Mend this row's quoting or delimiters.",
                )
            fields = dict(zip(header, values, strict=True))
            yield _terminated("".join(lines).encode()), fields, place
            row += 1
    except csv.Error as error:
        raise InputError(
            f"{path}, row {row} (line {number}): not valid CSV ({error}).",
            "Mend this row's quoting.",
        ) from None


def _csv_rows(lines: Iterator[str], delimiter: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield (values, the lines they were read from)."""
    csv.field_size_limit(1 << 30)  # responses may be long; the default limit is 128 kB
    taken: list[str] = []

    def recorded() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    for values in csv.reader(recorded(), delimiter=delimiter, strict=True):
        yield values, list(taken)
        taken.clear()


def _decoded_lines(file: IO[bytes], path: Path) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        yield _decode(line, path, number)


def _decode(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line {number}: not UTF-8 (byte {error.start + 1} of the line is "
            f"0x{line[error.start]:02x}).",
            "Convert the file to UTF-8, for example with: iconv -f WINDOWS-1252 -t UTF-8.",
        ) from None


def _terminated(line: bytes) -> bytes:
    """The last line of a file may lack its line end; rows written behind it need one."""
    return line if line.endswith(b"\n") else line + b"\n"


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return "nested too deeply"


def _starts_with_object(path: Path, gzipped: bool) -> bool:
    with _open_read(path, gzipped) as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def _open_read(path: Path, gzipped: bool) -> IO[bytes]:
    return io.BufferedReader(gzip.GzipFile(path)) if gzipped else path.open("rb")


def _open_write(path: Path, gzipped: bool) -> IO[bytes]:
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
    except (gzip.BadGzipFile, EOFError):
        raise InputError(
            f"{path}: the gzip data is broken or incomplete.", "Compress or copy the file again."
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 ({error.reason}).",
            "Convert the file to UTF-8, for example with: iconv -f WINDOWS-1252 -t UTF-8.",
        ) from None
    except pa.ArrowException as error:
        raise InputError(
            f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}).",
            "Write the file again, or check its suffix.",
        ) from None
    except (PermissionError, IsADirectoryError) as error:
        raise InputError(
            f"{path}: can't be read ({error.strerror}).", "Check the path and its permissions."
        ) from None


def _no_rows(path: Path) -> InputError:
    return InputError(f"{path}: the file holds no rows.", "Check that it is the right file.")


def _as_dataset(rows: list[dict[str, object]], label: str) -> datasets.Dataset:
    try:
        return datasets.Dataset.from_list(rows)
    except (pa.ArrowException, TypeError) as error:
        raise InputError(
            f"{label}: its rows don't share one type per column ({str(error).splitlines()[0]}).",
            "Write the cleaned file with `save` instead; it keeps the rows as they are.",
        ) from None
