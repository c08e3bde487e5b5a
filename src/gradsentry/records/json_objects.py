"""JSON objects that aren't rows but hold all of them: what is told of them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from types import UnionType

from gradsentry.errors import InputError
from gradsentry.records.layouts.vocabulary import known_columns

# Columns of single rows that hold lists of objects.
_OF_ROWS = {"messages", "conversations", "prompt", "completion", "chosen", "rejected", "tools"}

_ROWS = 'for example {"prompt": ..., "response": ...}'


def parse_beginning(data: bytes) -> dict[str, object]:
    """The first fields of an object that may go on behind the data.

    A list that goes on behind it is given with what it begins with.
    """
    text = data.decode("utf-8", errors="replace")
    decoder = json.JSONDecoder()
    fields: dict[str, object] = {}
    place = 1
    try:
        while True:
            name, place = decoder.raw_decode(text, _after(text, place, ","))
            start = _after(text, place, ":")
            if not isinstance(name, str):
                return fields
            try:
                fields[name], place = decoder.raw_decode(text, start)
            except ValueError:
                inner = _after(text, start + 1, "")
                if text[start] == "[":
                    fields[name] = [{}] if text[inner] == "{" else [""]
                elif text[start] == "{" and text.startswith('"0"', inner):
                    fields[name] = {"0": ""}
                return fields
    except (ValueError, IndexError, RecursionError):
        return fields


def _after(text: str, place: int, mark: str) -> int:
    """The place of what follows white space and a mark."""
    while text[place].isspace() or text[place] == mark:
        place += 1
    return place


def find_wrapped_rows(fields: Mapping[str, object], label: str) -> InputError | None:
    """The error for an object that isn't a row but holds all of them; None if it holds none."""
    known = {*known_columns(fields)}
    for name, value in fields.items():
        if name not in _OF_ROWS and _is_list_of(value, dict) and not known - {name}:
            way = f"json.load(open({label!r}))[{name!r}]"
            return InputError(
                f"{label}: the file is one JSON object, which holds its rows under the key "
                f"{name!r}.",
                "Write the rows alone, for example with: python -c "
                + shlex.quote(f"import json; json.dump({way}, open('rows.json', 'w'))"),
            )
    if fields and all(_is_column(value) for value in fields.values()):
        names = ", ".join(repr(name) for name in list(fields)[:3])
        return InputError(
            f"{label}: the file is one JSON object, which holds a list for each column ({names}).",
            f"Write one object for each row, {_ROWS}. With pandas: python -c "
            + shlex.quote(
                f"import pandas; pandas.read_json({label!r})"
                ".to_json('rows.jsonl', orient='records', lines=True)"
            ),
        )
    return None


def _is_column(value: object) -> bool:
    """Whether this is a column's values: in a list, or under their numbers, as pandas writes."""
    if isinstance(value, dict):
        return bool(value) and all(str(key).isdecimal() for key in value)
    return _is_list_of(value, str | int | float | None)


def _is_list_of(value: object, kind: type | UnionType) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(x, kind) for x in value)
