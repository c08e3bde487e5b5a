"""A row of the user's data, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b

from gradsentry.errors import InputError
from gradsentry.records.limits import ROW_TEXT

DIGEST_BYTES = 16
_LONGEST_NAME = 80  # characters of a column's name in a message; names are the file's own


@dataclass(frozen=True, slots=True)
class Location:
    """Where a row stands; as text such as `data.jsonl, row 4 (line 5)`."""

    path: str
    """As in `Record`, like the others."""
    row: int
    line: int | None = None
    element: int | None = None

    def __str__(self) -> str:
        within = f" (line {self.line})" if self.line is not None else ""
        if self.element is not None:
            within = f" (element {self.element})"
        return f"{self.path}, row {self.row}{within}"


@dataclass(frozen=True, slots=True)
class Record:
    """One row as read, untouched."""

    row: int
    """Position in the data, from 0; the row's identity everywhere."""
    fields: Mapping[str, object]
    """Column name to value."""
    path: str
    """The file that it's from, or what else the data are called, as messages name it."""
    size: int = 0
    """About how many bytes its text takes, as far as the source knows; for batches of rows."""
    line: int | None = None
    """The line of the file in which it begins, from 1, in formats of lines."""
    element: int | None = None
    """Its position in the file's array, from 0, in formats of one array."""

    @property
    def location(self) -> Location:
        """Where a person finds it."""
        return Location(self.path, self.row, self.line, self.element)

    @property
    def digest(self) -> bytes:
        """16 bytes that tell its content from others': wherever the row stands, in whatever format
        and with its columns in whatever order."""
        try:
            text = json.dumps(self.fields, sort_keys=True, default=_text_of)
        except (TypeError, ValueError, RecursionError):  # names that aren't texts, rows in memory
            text = "\0".join(f"{name!r} {_text_of(value)}" for name, value in self.fields.items())
        return blake2b(text.encode(errors="replace"), digest_size=DIGEST_BYTES).digest()

    def value(self, column: str) -> object:
        """What is in `column`.

        **Raises:**

        `InputError` if the row lacks the column.
        """
        if column not in self.fields:
            alike = get_close_matches(column, map(str, self.fields), n=1)
            raise InputError(
                f"{self.location}: there is no column {column!r}; the row has "
                f"{quoted(self.fields)}.",
                (f"Did you mean {alike[0]!r}? " if alike else "")
                + "Give every row this column, or name another in the options.",
            )
        return self.fields[column]

    def text(self, column: str) -> str:
        """The text in `column`; empty where the value is null.

        **Raises:**

        `InputError` if the row lacks the column or the value isn't text.
        """
        value = self.value(column)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.type_error(column, "text")
        self.check_unicode(value, column)
        return value

    def check_unicode(self, text: str, column: str) -> None:
        """Refuse a lone surrogate, which JSON can carry but no tokenizer takes."""
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"{self.location}: column {column!r} holds half of a surrogate pair, "
                "which is no valid text.",
                "Mend or remove the row; its JSON has a \\ud8.. escape without its second half.",
            ) from None

    def type_error(self, column: str, expected: str) -> InputError:
        """The error for a value of the wrong type in `column`."""
        kind = type(self.fields[column]).__name__
        return InputError(
            f"{self.location}: column {column!r} holds a value of type {kind}; {expected} is "
            "needed.",
            "Mend the value in this row, or name another column.",
        )


def batched(records: Iterator[Record], rows: int) -> Iterator[list[Record]]:
    """Lists of at most `rows` rows, and of fewer where rows are large."""
    batch: list[Record] = []
    size = 0
    for record in records:
        if batch and (len(batch) == rows or size + record.size > ROW_TEXT):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += record.size
    if batch:
        yield batch


def _text_of(value: object) -> str:
    """What stands for a value that JSON has no form for, such as a date."""
    try:
        return f"{type(value).__name__} {value!r}"
    except Exception:  # a class of the caller's own; or nested too deeply, which is refused later
        return type(value).__name__


def quoted(names: object) -> str:
    """Column names for a message, the first twelve of them, each cut where it is too long."""
    items = [_quoted(str(name)) for name in names]  # type: ignore[attr-defined]
    shown = ", ".join(items[:12])
    return shown + (f" and {len(items) - 12} more" if len(items) > 12 else "") if items else "none"


def printable(name: str) -> str:
    """A name as it stands, or with escapes where it would act on a terminal."""
    return name if name.isprintable() and len(name) <= _LONGEST_NAME else _quoted(name)


def _quoted(name: str) -> str:
    return repr(name) if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]!r}…"
