"""Text files cut into rows: each row's own bytes, its parsed value, and its place in the file.

Every reader holds one row and refuses one that is too large while it reads it, so that neither a
line without end nor a quote that isn't closed fills the memory.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from gradsentry.errors import InputError
from gradsentry.records.json_objects import find_wrapped_rows, parse_beginning
from gradsentry.records.limits import ROW_TEXT, too_much_text

Slice = tuple[bytes, Any, int]
"""A row's bytes, its value, and where it is in the file: the line, from 1, in which it begins, or
the element of the array, from 0."""

_READ_SIZE = 1 << 20
_TO_UTF8 = "Convert the file to UTF-8, for example with: iconv -f WINDOWS-1252 -t UTF-8."
_SPACE = re.compile(r"\s*")

# More characters behind a fault than any token of JSON is long: more text doesn't mend it.
_LONGEST_TOKEN = 16


def read_jsonl(file: io.BufferedReader, label: str, row: int = 0) -> Iterator[Slice]:
    """The rows of JSON lines.

    **Arguments:**

    - `row`: number of the first row, for messages.
    """
    lines = _Lines(file, label)
    for line in lines:
        if not line.strip():
            lines.pass_blank(b" \t\r\n")
            continue
        text = lines.decoded(line)
        try:
            value = json.loads(text, object_pairs_hook=_distinct_keys)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{label}, row {row} (line {lines.number}): not valid JSON ({_reason(error)}).",
                "Mend or remove this line; a file has one JSON object a line or one JSON array.",
            ) from None
        yield line, value, lines.number
        row += 1


class _Lines:
    """A file's lines, none longer than a row may be."""

    def __init__(self, file: io.BufferedReader, label: str) -> None:
        self._file = file
        self._label = label
        self.number = 0
        """Of the line read last, from 1."""

    def __iter__(self) -> Iterator[bytes]:
        while line := self._file.readline(ROW_TEXT + 1):
            self.number += 1
            if len(line) > ROW_TEXT:
                if self.number == 1 and line.startswith(b"{"):
                    wrapped = find_wrapped_rows(parse_beginning(line[:_READ_SIZE]), self._label)
                    raise wrapped or too_much_text(f"{self._label}, line 1")
                raise too_much_text(f"{self._label}, line {self.number}")
            yield line

    def pass_blank(self, characters: bytes) -> None:
        """Pass over lines of nothing but these characters, as far as the buffer goes: a small file
        may unpack to billions of them."""
        buffer = self._file.peek()
        blank = len(buffer) - len(buffer.lstrip(characters))
        end = buffer.rfind(b"\n", 0, blank) + 1
        self._file.read(end)
        self.number += buffer.count(b"\n", 0, end)

    def decoded(self, line: bytes) -> str:
        """The text of the line read last."""
        try:
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self._label}, line {self.number}: not UTF-8 (byte {error.start + 1} of the line "
                f"is 0x{line[error.start]:02x}).",
                _TO_UTF8,
            ) from None


def read_json_array(file: io.BufferedReader, label: str, row: int = 0) -> Iterator[Slice]:
    """The elements of a JSON array, read one at a time; arguments as for `read_jsonl`."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    yield from _Elements(text, label, row).rows()
    text.detach()  # the caller's file stays open


class _Elements:
    """Reads the elements of a file's top-level array."""

    def __init__(self, text: io.TextIOWrapper, label: str, row: int) -> None:
        self._text = text
        self._label = label
        self._first = row
        self._row = row
        self._buffer = ""
        self._place = 0
        self._decoder = json.JSONDecoder(object_pairs_hook=_distinct_keys)

    def rows(self) -> Iterator[Slice]:
        opening = self._next_character()
        if not opening:
            return
        if opening != "[":
            raise InputError(
                f"{self._label}: the file is neither a JSON array of rows nor JSON lines.",
                'Write the rows as [{"prompt": ..., "response": ...}, ...], or one object a line.',
            )
        self._place += 1
        while self._next_character() != "]":
            raw, value = self._element()
            yield raw, value, self._row - self._first
            self._row += 1
            if self._next_character() == ",":
                self._place += 1
            elif self._next_character() != "]":
                raise InputError(
                    f"{self._label}, row {self._row}: a comma or the array's closing bracket is "
                    "missing.",
                    "Mend the file here; it must be one JSON array of objects.",
                )
        self._place += 1
        if self._next_character():
            raise InputError(
                f"{self._label}: the array ends after row {self._row - 1}, but the file goes on.",
                "Put all rows into one JSON array.",
            )

    def _element(self) -> tuple[bytes, Any]:
        """The element at the current place, which is behind it then."""
        size = _READ_SIZE
        while True:
            problem = "the array is not closed"
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._place)
                if end < len(self._buffer):  # a number may go on behind the buffer's end
                    raw = self._buffer[self._place : end].encode("utf-8", "surrogatepass")
                    if len(raw) > ROW_TEXT:
                        raise too_much_text(f"{self._label}, row {self._row}")
                    self._place = end
                    return raw, value
            except (ValueError, RecursionError) as error:
                problem = _reason(error)
                if not self._more_text_may_mend(error):
                    raise self._broken(problem) from None
            if len(self._buffer) - self._place > ROW_TEXT:
                raise too_much_text(f"{self._label}, row {self._row}")
            size *= 2  # a long element costs a few attempts, not one per chunk
            if not self._refill(size):
                raise self._broken(problem)

    def _more_text_may_mend(self, error: Exception) -> bool:
        if not isinstance(error, json.JSONDecodeError):
            # A key that comes twice and brackets too deep stay so; a long number may be cut off.
            return not isinstance(error, _DuplicateKeyError | RecursionError)
        cut_off = error.msg.startswith("Unterminated string")
        return cut_off or error.pos + _LONGEST_TOKEN > len(self._buffer)

    def _broken(self, problem: str) -> InputError:
        return InputError(
            f"{self._label}, row {self._row}: not valid JSON ({problem}).",
            "Mend this element; the file must be one JSON array of objects.",
        )

    def _next_character(self) -> str:
        """The next character that isn't white space, or nothing at the end of the file."""
        while True:
            found = _SPACE.match(self._buffer, self._place)
            assert found is not None
            self._place = found.end()
            if self._place < len(self._buffer):
                return self._buffer[self._place]
            if not self._refill(_READ_SIZE):
                return ""

    def _refill(self, size: int) -> bool:
        try:
            more = self._text.read(size)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self._label}, row {self._row} or a later one: not UTF-8 "
                f"(0x{error.object[error.start]:02x}).",
                _TO_UTF8,
            ) from None
        self._buffer, self._place = self._buffer[self._place :] + more, 0
        return bool(more)


class _DuplicateKeyError(ValueError):
    """Parsers differ in which of two values they take: what is scanned might not be trained on."""


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        (twice, _), *_ = (Counter(key for key, _ in pairs)).most_common(1)
        raise _DuplicateKeyError(f"the key {twice!r} comes twice")
    return fields


def read_csv(file: io.BufferedReader, label: str, delimiter: str, row: int = 0) -> Iterator[Slice]:
    """The rows of a file with a line of column names; arguments as for `read_jsonl`."""
    reader = CsvLines(file, label, delimiter)
    try:
        header, lines = reader.row()
        if lines and not header:
            raise InputError(
                f"{label}, line 1: blank where the column names are needed.", "Remove this line."
            )
        check_distinct(header, label)
        while True:
            values, lines = reader.row()
            if not lines:
                return
            if not values:
                reader.pass_blank()
                continue
            if len(values) != len(header):
                raise InputError(
                    f"{label}, row {row} (line {reader.first_line}): {len(values)} values for "
                    f"{len(header)} columns.",
                    "Mend this row's quoting or delimiters.",
                )
            yield "".join(lines).encode(), dict(zip(header, values, strict=True)), reader.first_line
            row += 1
    except csv.Error as error:
        raise InputError(
            f"{label}, row {row} (line {reader.first_line}): not valid CSV ({error}).",
            "Mend this row's quoting.",
        ) from None


class CsvLines:
    """Reads rows of a delimited file with the lines that they are written in."""

    def __init__(self, file: io.BufferedReader, label: str, delimiter: str) -> None:
        csv.field_size_limit(ROW_TEXT)  # responses may be long; the default limit is 128 kB
        self._label = label
        self._lines = _Lines(file, label)
        self._taken: list[str] = []
        self._reader = csv.reader(self._recorded(), delimiter=delimiter, strict=True)
        self.first_line = 1
        """Number of the line in which the row read last begins."""

    def row(self) -> tuple[list[str], list[str]]:
        """The next row's values and lines; no lines at the end of the file."""
        self._taken.clear()
        self.first_line = self._lines.number + 1
        values = next(self._reader, [])
        return values, list(self._taken)

    def pass_blank(self) -> None:
        """Pass over blank lines between rows."""
        self._lines.pass_blank(b"\r\n")

    def _recorded(self) -> Iterator[str]:
        size = 0
        for line in self._lines:
            size = len(line) if not self._taken else size + len(line)
            if size > ROW_TEXT:
                raise too_much_text(f"{self._label}, line {self.first_line}")
            self._taken.append(self._lines.decoded(line))
            yield self._taken[-1]


def check_distinct(columns: Sequence[str], label: str) -> None:
    """Refuse two columns of one name."""
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(
            f"{label}: two columns have the same name {twice[0]!r}.", "Rename one of them."
        )


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
    if isinstance(error, _DuplicateKeyError):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"
