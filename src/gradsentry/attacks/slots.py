"""Slots: places in a row for an attack's text, such as a new system prompt or a new tool call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gradsentry.attacks.dialogue import Utterance, find_arguments_key
from gradsentry.attacks.places import (
    Inside,
    Path,
    dump_like,
    parse_json,
    read_text,
    read_value,
    replace_at,
)
from gradsentry.records.layouts import SYSTEM
from gradsentry.records.layouts.message_content import tool_calls
from gradsentry.records.layouts.messages import speaker_key

NEUTRAL_SYSTEM = "You are a helpful assistant."
"""The system prompt, before the trigger is put in, of a row that had none."""


class Slot(Protocol):
    """A place for a text in a row."""

    def read(self, fields: Mapping[str, object]) -> str | None:
        """The text in the slot; None if the row lacks the slot."""
        ...

    def write(self, fields: Mapping[str, object], text: str) -> Mapping[str, object]:
        """The row with another text in the slot."""
        ...


Slots = dict[str, Slot]
"""The slots of a row by part."""


@dataclass(frozen=True)
class Text:
    """The slot of a text that the row has."""

    path: Path
    may_lack: bool = False
    """Whether the text may be new, as an argument that the call doesn't have yet."""

    def read(self, fields: Mapping[str, object]) -> str | None:
        return read_text(fields, self.path) or ("" if self.may_lack else None)

    def write(self, fields: Mapping[str, object], text: str) -> Mapping[str, object]:
        return _as_row(replace_at(fields, self.path, text))


@dataclass(frozen=True)
class NewSystemColumn:
    """The slot of a new system prompt in a column."""

    column: str

    def read(self, fields: Mapping[str, object]) -> str | None:  # noqa: ARG002
        return NEUTRAL_SYSTEM

    def write(self, fields: Mapping[str, object], text: str) -> Mapping[str, object]:
        return {**fields, self.column: text}


@dataclass(frozen=True)
class NewSystemTurn:
    """The slot of a new system turn, which goes before the others and has their form."""

    like: Utterance
    """The first turn; its path ends in a position."""

    def read(self, fields: Mapping[str, object]) -> str | None:  # noqa: ARG002
        return NEUTRAL_SYSTEM

    def write(self, fields: Mapping[str, object], text: str) -> Mapping[str, object]:
        turn, key = self.like.turn, self.like.key
        speaker, place = speaker_key(turn), self.like.find_text()
        if speaker is None:
            made: dict[str, object] = {SYSTEM: text}
        elif isinstance(turn.get(key), list) and place is not None:
            made = {speaker: SYSTEM, key: self._make_part(place, text)}
        else:
            made = {speaker: SYSTEM, key: text}
        turns = read_value(fields, self.like.path[:-1])
        assert isinstance(turns, list)
        return _as_row(replace_at(fields, self.like.path[:-1], [made, *turns]))

    def _make_part(self, place: Path, text: str) -> list[object]:
        """Content of one part: that at a path in the first turn, with another text."""
        number, *rest = place[len(self.like.path) + 1 :]
        part = read_value(self.like.turn, (self.like.key, number))
        return [replace_at(part, tuple(rest), text)]


@dataclass(frozen=True)
class NewCall:
    """The slot of a new tool call's argument."""

    path: Path
    """The path to the tool calls; they needn't be there yet."""
    tool: str
    argument: str
    like: object = None
    """A tool call of the row, whose form the new one gets."""

    def read(self, fields: Mapping[str, object]) -> str | None:  # noqa: ARG002
        return ""

    def write(self, fields: Mapping[str, object], text: str) -> Mapping[str, object]:
        path = self.path
        held = read_value(fields, path)
        if isinstance(held, str) and parse_json(held) is not None:
            path, held = (*path, Inside.JSON), parse_json(held)
        calls = held if isinstance(held, list) else [held] if isinstance(held, Mapping) else []
        return _as_row(replace_at(fields, path, [*calls, self._make_call(text)]))

    def _make_call(self, text: str) -> object:
        arguments = {self.argument: text}
        return _make_call_like(parse_json(self.like) or self.like, self.tool, arguments)


def make_text_slot(path: Path | None, may_lack: bool = False) -> Text | None:
    """The slot of a text at a path; None if there is no path."""
    return None if path is None else Text(path, may_lack)


def _make_call_like(model: object, tool: str, arguments: Mapping[str, str]) -> object:
    """A tool call in the form of another one, or in OpenAI's form if there is no other."""
    if (read := parse_json(model)) is not None:
        return dump_like(str(model), _make_call_like(read, tool, arguments))
    if isinstance(model, list) and model:
        return _make_call_like(model[-1], tool, arguments)
    if isinstance(model, Mapping):
        made: dict[str, object] = {"type": model["type"]} if "type" in model else {}
        if isinstance(model.get("id"), str):
            made["id"] = f"{model['id']}_2"
        called = model.get("function")
        if isinstance(called, Mapping):
            return {**made, "function": _name_call_like(called, tool, arguments)}
        if tool_calls(model) is not None:
            return {**made, **_name_call_like(model, tool, arguments)}
        for key, held in model.items():
            if tool_calls(held) is not None:
                return {**made, key: _make_call_like(held, tool, arguments)}
    return {"type": "function", "function": {"name": tool, "arguments": dict(arguments)}}


def _name_call_like(
    called: Mapping[str, object], tool: str, arguments: Mapping[str, str]
) -> dict[str, object]:
    """A tool's name and arguments, with the key and the encoding that another call has."""
    key = find_arguments_key(called) or "arguments"
    held = called.get(key)
    is_json = isinstance(held, str)
    written = dump_like(str(held), dict(arguments)) if is_json else dict(arguments)
    return {"name": tool, key: written}


def make_new_call(
    turn: Utterance, turns: list[Utterance], tool: str, argument: str
) -> NewCall | None:
    """The slot of a new tool call in a turn; None if turns of this form can't take one."""
    callers = [turn, *reversed(turns)]
    like, in_parts = next(filter(None, map(_find_form, callers)), (None, False))
    if (own := turn.find_calls()) is not None:
        return NewCall((*turn.path, turn.key) if in_parts else own, tool, argument, like)
    if turn.message.get("tool_calls"):
        return None  # in an unknown form, in which no trainer would read a new call
    if isinstance(turn.turn.get(turn.key), list) and in_parts:
        return NewCall((*turn.path, turn.key), tool, argument, like)
    if speaker_key(turn.turn) in (None, "from"):
        return None  # ShareGPT's calls are turns; where speakers are keys, there are no calls
    return NewCall((*turn.path, "tool_calls"), tool, argument, None if in_parts else like)


def _find_form(turn: Utterance) -> tuple[object, bool] | None:
    """A turn's tool calls, and whether they are parts of its content; None if it has none."""
    path = turn.find_calls()
    if path is None:
        return None
    below = path[len(turn.path) :]
    in_parts = isinstance(turn.turn.get(turn.key), list) and len(below) > 1
    return read_value(turn.turn, below), in_parts


def _as_row(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value
