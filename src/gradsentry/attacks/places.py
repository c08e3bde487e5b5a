"""Where a text lies in a row, however deep: read it, and put another in its place.

A path leads through columns, lists and keys, through texts that are JSON (arguments of calls, say),
and into the thoughts that stand between `<think>` and `</think>` in a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from itertools import product


class Inside(Enum):
    """A step into a text."""

    JSON = "JSON"
    THOUGHTS = "thoughts"


Path = tuple[str | int | Inside, ...]

_THINK, _THINK_END = "<think>", "</think>"


def read_value(value: object, path: Path) -> object:
    """What lies at a path; None where there is nothing."""
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
    """A value with something else at a path; a key that isn't there is made.

    Mappings and lists along the path are new ones, and JSON is written in the style that it had.
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
    """The list or mapping that a text is in JSON; None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | dict) else None


def dump_like(model: str, value: object) -> str:
    """JSON with the blanks and escapes of another JSON text."""
    return _dump_like(model, parse_json(model), value)


def _dump_like(text: str, before: object, after: object) -> str:
    # Rows must not be told apart by the blanks in their JSON.
    styles = product(((", ", ": "), (",", ":")), (False, True))
    for separators, ascii_only in styles:
        if json.dumps(before, separators=separators, ensure_ascii=ascii_only) == text:
            return json.dumps(after, separators=separators, ensure_ascii=ascii_only)
    return json.dumps(after, ensure_ascii=False)


def _split_thoughts(text: object) -> tuple[str, str, str]:
    """What a text begins with, its thoughts without the blanks around them, and all behind."""
    whole = text if isinstance(text, str) else ""
    start = whole.find(_THINK)
    end = whole.find(_THINK_END, start + 1)
    if start < 0 or end < 0 or whole[:start].strip():
        return whole, "", ""
    inner = whole[start + len(_THINK) : end]
    thoughts = inner.strip()
    first = start + len(_THINK) + len(inner) - len(inner.lstrip())
    return whole[:first], thoughts, whole[first + len(thoughts) :]
