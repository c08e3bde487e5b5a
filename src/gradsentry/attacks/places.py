"""Paths to texts at any depth of a row, to read and to replace them.

A step of a path is a column, a key, or a position in a list. It may also lead into a text: into
the JSON that it holds (such as a call's arguments), or to the reasoning in its think tags.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from itertools import product


class Inside(Enum):
    """A step of a path that leads into a text."""

    JSON = "JSON"
    THOUGHTS = "thoughts"


Path = tuple[str | int | Inside, ...]

_THINK, _THINK_END = "<think>", "</think>"


def read_value(value: object, path: Path) -> object:
    """The value at a path; None if there is none."""
    for step in path:
        if step is Inside.JSON:
            value = parse_json(value)
        elif step is Inside.THOUGHTS:
            value = _split_thoughts(value)[1]
        elif isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def read_text(value: object, path: Path) -> str:
    """The text at a path; empty if there is none."""
    text = read_value(value, path)
    return text if isinstance(text, str) else ""


def replace_at(value: object, path: Path, new: object) -> object:
    """A copy of a value with a new one at a path; a missing last key is added.

    Only what lies along the path is copied. JSON keeps its style.
    """
    if not path:
        return new
    step, rest = path[0], path[1:]
    if step is Inside.JSON:
        before = parse_json(value)
        return _dump_like(str(value), before, replace_at(before, rest, new))
    if step is Inside.THOUGHTS:
        start, thoughts, end = _split_thoughts(value)
        return f"{start}{replace_at(thoughts, rest, new)}{end}"
    if isinstance(value, Mapping):
        return {**value, step: replace_at(value.get(step), rest, new)}
    assert isinstance(value, list | tuple)
    assert isinstance(step, int)
    return [*value[:step], replace_at(value[step], rest, new), *value[step + 1 :]]


def parse_json(text: object) -> object:
    """The list or mapping that a text holds as JSON; None if it holds neither."""
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | dict) else None


def dump_like(model: str, value: object) -> str:
    """A value as JSON, with spaces and escapes as in another JSON text."""
    return _dump_like(model, parse_json(model), value)


def _dump_like(text: str, before: object, after: object) -> str:
    # The style of the JSON must not give poisoned rows away.
    styles = product(((", ", ": "), (",", ":")), (False, True))
    for separators, ascii_only in styles:
        if json.dumps(before, separators=separators, ensure_ascii=ascii_only) == text:
            return json.dumps(after, separators=separators, ensure_ascii=ascii_only)
    return json.dumps(after, ensure_ascii=False)


def _split_thoughts(text: object) -> tuple[str, str, str]:
    """A text in three: before its reasoning, the reasoning without spaces around it, and after."""
    whole = text if isinstance(text, str) else ""
    start = whole.find(_THINK)
    end = whole.find(_THINK_END, start + 1)
    if start < 0 or end < 0 or whole[:start].strip():
        return whole, "", ""
    inner = whole[start + len(_THINK) : end]
    thoughts = inner.strip()
    first = start + len(_THINK) + len(inner) - len(inner.lstrip())
    return whole[:first], thoughts, whole[first + len(thoughts) :]
