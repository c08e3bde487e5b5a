"""JSON and delimited files as sources: rows are written back byte for byte."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import datasets

from gradsentry.errors import InputError
from gradsentry.records.arrow_rows import fitting_dataset
from gradsentry.records.compression import Compression, uncompress
from gradsentry.records.part_files import open_part, part_files
from gradsentry.records.record import Location, Record
from gradsentry.records.source import BoolArray, joint_digest
from gradsentry.records.text_rows import CsvLines, Slice, read_csv, read_json_array, read_jsonl
from gradsentry.records.watched_file import Digesting, WatchedFile

TextFormat = Literal["jsonl", "json", "csv", "tsv"]


def record_of(label: str, row: int, found: Slice, *, is_array: bool) -> Record:
    """A slice of a file as a row.

    **Arguments:**

    - `label`: how messages name the file.
    - `is_array`: whether the slice is an element of an array, not a line or several.

    **Raises:**

    `InputError` for one that isn't an object.
    """
    raw, fields, number = found
    line, element = (None, number) if is_array else (number, None)
    if not isinstance(fields, dict):
        raise InputError(
            f"{Location(label, row, line, element)}: a {type(fields).__name__} where an object "
            "with named columns is needed.",
            'Write each row as an object, such as {"prompt": ..., "response": ...}.',
        )
    return Record(row, fields, label, len(raw), line, element)


@dataclass(frozen=True)
class TextFiles:
    """JSONL, JSON, CSV or TSV files, one after the other as one data set."""

    files: Sequence[WatchedFile]
    """At least one."""
    form: TextFormat
    label: str

    @property
    def paths(self) -> list[Path]:
        return [path for file in self.files for path in file.paths]

    @property
    def digest(self) -> str | None:
        return joint_digest([file.seen.digest for file in self.files])

    def records(self) -> Iterator[Record]:
        is_array = self.form == "json"
        for row, (file, found) in enumerate(self._slices()):
            yield record_of(file.label, row, found, is_array=is_array)

    def check_writable(self) -> None:
        """Rows are written as they are read."""

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        written = part_files(folder, parts, self.files, self.form)
        row = 0
        for file, paths in zip(self.files, written.paths, strict=True):
            frame = self._frame(file)
            with contextlib.ExitStack() as stack:
                outputs = {
                    part: stack.enter_context(_new_rows(path, file.compression, frame))
                    for part, path in paths.items()
                }
                if written.even_empty:
                    for output in outputs.values():
                        output.open()
                for raw, _, _ in self._slices_of(file, row):
                    for part, output in outputs.items():
                        if parts[part][row]:
                            output.write(raw)
                    row += 1
        return dict(written.names)

    def select(self, mask: BoolArray) -> datasets.Dataset:
        rows: list[Mapping[str, object]] = []
        columns: dict[str, None] = {}  # in order of appearance; a row may lack some
        for record in self.records():
            columns.update(dict.fromkeys(record.fields))
            if mask[record.row]:
                rows.append(record.fields)
        with fitting_dataset(self.label):
            return datasets.Dataset.from_dict(
                {column: [fields.get(column) for fields in rows] for column in columns}
            )

    def check_headers(self) -> None:
        """Refuse delimited files that don't have the same columns in the same order."""
        if self.form in ("json", "jsonl"):
            return
        columns, _, _ = self._header(self.files[0])
        for file in self.files[1:]:
            if self._header(file)[0] != columns:
                raise InputError(
                    f"{file.label}: its columns aren't those of {self.files[0].label}.",
                    "Give all files the same columns in the same order, or scan each by itself.",
                )

    def _frame(self, file: WatchedFile) -> _Frame:
        if self.form == "json":
            return _Frame(b"[\n", b",\n", b"\n]\n")
        if self.form == "jsonl":
            return _Frame(b"", b"\n", b"")
        _, mark, header = self._header(file)
        line_end = b"\r\n" if header.endswith(b"\r\n") else b"\n"
        return _Frame(mark + header, line_end, b"")

    def _header(self, file: WatchedFile) -> tuple[list[str], bytes, bytes]:
        """Column names, byte-order mark and the header as it is written."""
        with file.open() as raw:
            content = uncompress(Digesting(raw), file.compression)
            # Excel needs the mark to read UTF-8.
            mark = codecs.BOM_UTF8 if content.peek(3).startswith(codecs.BOM_UTF8) else b""
            columns, lines = CsvLines(content, file.label, self._delimiter).row()
        return columns, mark, "".join(lines).encode()

    @property
    def _delimiter(self) -> str:
        return "\t" if self.form == "tsv" else ","

    def _slices(self) -> Iterator[tuple[WatchedFile, Slice]]:
        """The files' rows in order, each with the file that it is from."""
        row = 0
        for file in self.files:
            for found in self._slices_of(file, row):
                yield file, found
                row += 1

    def _slices_of(self, file: WatchedFile, first: int) -> Iterator[Slice]:
        """The rows of one of the files, whose first is number `first` of all."""
        row = first
        with file.open() as raw:
            digesting = Digesting(raw)
            content = uncompress(digesting, file.compression)
            if self.form == "jsonl":
                slices = read_jsonl(content, file.label, row)
            elif self.form == "json":
                slices = read_json_array(content, file.label, row)
            else:
                slices = read_csv(content, file.label, self._delimiter, row)
            for item in slices:
                file.check_row(row - first)
                yield item
                row += 1
            file.check_digest(digesting.digest(), row - first)
            content.detach()
        if row == first:
            raise file.no_rows()


@dataclass(frozen=True)
class _Frame:
    """What stands around the rows of a file.

    Rows of other formats than a JSON array bring their line ends along; between them stands what
    is missing where the last line of a file has none.
    """

    head: bytes
    between: bytes
    tail: bytes


@dataclass
class _NewRows:
    """A new file of rows, which is there from the first one on."""

    path: Path
    compression: Compression
    frame: _Frame
    file: IO[bytes] | None = None
    last: bytes = b""
    """The row written last."""

    def open(self) -> IO[bytes]:
        """The file, with all that stands before rows."""
        if self.file is None:
            self.file = open_part(self.path, self.compression)
            self.file.write(self.frame.head)
        return self.file

    def write(self, raw: bytes) -> None:
        """Write a row behind the others."""
        file = self.open()
        if self.last and not self.last.endswith(b"\n"):
            file.write(self.frame.between)
        file.write(raw)
        self.last = raw


@contextlib.contextmanager
def _new_rows(path: Path, compression: Compression, frame: _Frame) -> Iterator[_NewRows]:
    rows = _NewRows(path, compression, frame)
    try:
        yield rows
        if rows.file is not None:
            rows.file.write(frame.tail)
    finally:
        if rows.file is not None:
            rows.file.close()
