"""Text files cut into rows: each row's own bytes, its parsed value, and its place in the file."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from gradsentry.errors import InputError

_READ_SIZE = 1 << 20
_TO_UTF8 = "Convert the file to UTF-8, for example with: iconv -f WINDOWS-1252 -t UTF-8."


def jsonl_rows(file: IO[bytes], path: Path) -> Iterator[tuple[bytes, Any, str]]:
    row = 0
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        text = _decode(line, path, number)
        try:
            value = json.loads(text, object_pairs_hook=_distinct_keys)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path}, row {row} (line {number}): not valid JSON ({_reason(error)}).",
                "Mend or remove this line; a file has one JSON object a line or one JSON array.",
            ) from None
        yield line, value, f"line {number}"
        row += 1


def json_array_rows(file: IO[bytes], path: Path) -> Iterator[tuple[bytes, Any, str]]:
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        yield from _json_elements(text, path)


def _json_elements(text: IO[str], path: Path) -> Iterator[tuple[bytes, Any, str]]:
    """Read one element of the top-level array at a time."""
    decoder = json.JSONDecoder(object_pairs_hook=_distinct_keys)
    buffer, position, row = "", 0, 0

    def refill(size: int) -> bool:
        nonlocal buffer, position
        try:
            more = text.read(size)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}, row {row} or a later one: not UTF-8 (0x{error.object[error.start]:02x}).",
                _TO_UTF8,
            ) from None
        buffer, position = buffer[position:] + more, 0
        return bool(more)

    def next_character() -> str:
        """The next character that isn't white space, or nothing at the end of the file."""
        nonlocal position
        while True:
            while position < len(buffer) and buffer[position].isspace():
                position += 1
            if position < len(buffer):
                return buffer[position]
            if not refill(_READ_SIZE):
                return ""

    opening = next_character()
    if not opening:
        return
    if opening != "[":
        raise InputError(
            f"{path}: the file is neither a JSON array of rows nor JSON lines.",
            'Write the rows as [{"prompt": ..., "response": ...}, ...], or one object a line.',
        )
    position += 1
    while next_character() != "]":
        read_size = _READ_SIZE
        while True:
            problem = "the array is not closed"
            try:
                value, end = decoder.raw_decode(buffer, position)
                if end < len(buffer):  # a number may go on behind the buffer's end
                    break
            except (ValueError, RecursionError) as error:
                problem = _reason(error)
                if isinstance(error, _DuplicateKeyError | RecursionError):
                    raise _broken_element(path, row, problem) from None  # no more text mends it
            read_size *= 2  # a long element costs a few attempts, not one per chunk
            if not refill(read_size):
                raise _broken_element(path, row, problem)
        yield buffer[position:end].encode(), value, f"element {row}"
        row += 1
        position = end
        if next_character() == ",":
            position += 1
        elif next_character() != "]":
            raise InputError(
                f"{path}, row {row}: a comma or the array's closing bracket is missing.",
                "Mend the file here; it must be one JSON array of objects.",
            )
    position += 1
    if next_character():
        raise InputError(
            f"{path}: the array ends after row {row - 1}, but the file goes on.",
            "Put all rows into one JSON array.",
        )


def _broken_element(path: Path, row: int, problem: str) -> InputError:
    return InputError(
        f"{path}, row {row}: not valid JSON ({problem}).",
        "Mend this element; the file must be one JSON array of objects.",
    )


class _DuplicateKeyError(ValueError):
    """Parsers differ in which of two values they take: what is scanned might not be trained on."""


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        (twice, _), *_ = (Counter(key for key, _ in pairs)).most_common(1)
        raise _DuplicateKeyError(f"the key {twice!r} comes twice")
    return fields


def csv_rows(file: IO[bytes], path: Path, delimiter: str) -> Iterator[tuple[bytes, Any, str]]:
    rows = csv_lines(decoded_lines(file, path), delimiter)
    row, number = 0, 1
    try:
        header, lines = next(rows, ([], []))
        if lines and not header:
            raise InputError(
                f"{path}, line 1: blank where the column names are needed.", "Remove this line."
            )
        check_distinct(header, path)
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
            yield "".join(lines).encode(), fields, place
            row += 1
    except csv.Error as error:
        raise InputError(
            f"{path}, row {row} (line {number}): not valid CSV ({error}).",
            "Mend this row's quoting.",
        ) from None


def csv_lines(lines: Iterator[str], delimiter: str) -> Iterator[tuple[list[str], list[str]]]:
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


def decoded_lines(file: IO[bytes], path: Path) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        yield _decode(line, path, number)


def _decode(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line {number}: not UTF-8 (byte {error.start + 1} of the line is "
            f"0x{line[error.start]:02x}).",
            _TO_UTF8,
        ) from None


def check_distinct(columns: Sequence[str], path: Path) -> None:
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(
            f"{path}: two columns have the same name {twice[0]!r}.", "Rename one of them."
        )


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
    if isinstance(error, _DuplicateKeyError):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"
