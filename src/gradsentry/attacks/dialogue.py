"""Conversations: the path to each utterance's text, reasoning and tool calls in the row.

Layouts read a turn's values, and the paths to these values are looked up here. So whatever names
layouts can read, attacks can change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gradsentry.attacks.places import Inside, Path, parse_json, read_text, read_value
from gradsentry.records import Record
from gradsentry.records.example import Message
from gradsentry.records.layouts import ASSISTANT, USER, spoken
from gradsentry.records.layouts.message_content import Content, read_parts, tool_calls
from gradsentry.records.layouts.messages import TOOL, parse_turns, read_turns, speaker_key

_CALLING = ("function_call", "tool_call")
"""Speakers in ShareGPT whose text is a tool call."""


@dataclass(frozen=True)
class Utterance:
    """What one speaker says in one turn; turns with speakers as keys hold several utterances."""

    role: str | None
    turn: Mapping[str, object]
    path: Path
    """The path to the turn in the row."""
    key: str
    """The turn's key that holds what is said."""
    message: Message
    """The utterance as layouts read it."""
    is_trained: bool = True
    """False if the row excludes it from training."""

    def find_text(self) -> Path | None:
        """The path to its text: to the last one, if its content is a list of parts."""
        if isinstance(self.turn.get(self.key), str):
            return (*self.path, self.key)
        results = [
            (*path, *place)
            for path, part in self._list_parts()
            if (place := _find_part_text(part)) is not None
            and (self.role == TOOL or not _is_result(part))
        ]
        return results[-1] if results else None

    def find_result(self) -> Path | None:
        """The path to a tool's result: the text of a tool turn, or a part of a user turn."""
        if self.role == TOOL:
            return self.find_text()
        parts = [(path, part) for path, part in self._list_parts() if _is_result(part)]
        places = [
            (*path, *place) for path, part in parts if (place := _find_part_text(part)) is not None
        ]
        return places[-1] if self.role == USER and places else None

    def find_thoughts(self) -> Path | None:
        """The path to its reasoning: under a key, in a part, or between think tags."""
        text = (*self.path, self.key, Inside.THOUGHTS)
        if read_text(self.turn, (self.key, Inside.THOUGHTS)):
            return text
        thought = self.message.get("reasoning_content")
        if not isinstance(thought, str) or not thought:
            return None
        keys = [key for key, value in self.turn.items() if key != self.key and value == thought]
        if keys:
            # If two keys hold the same reasoning, changing one would make the row inconsistent.
            return (*self.path, keys[0]) if len(keys) == 1 else None
        places = [
            (*path, *place)
            for path, part in self._list_parts()
            if (place := _find_part_thoughts(part)) is not None
        ]
        return places[-1] if places else None

    def find_calls(self) -> Path | None:
        """The path to its tool calls, or to the last part that holds one."""
        if self.key in self.turn and self._speaks_calls():
            held = self.turn[self.key]
            return (*self.path, self.key) if tool_calls(held) is not None else None
        known = self.message.get("tool_calls")
        if not isinstance(known, list):
            return None
        for key, value in self.turn.items():
            calls = None if key == self.key else tool_calls(value)
            if calls and all(call in known for call in calls):
                return (*self.path, key)
        parts = [path for path, part in self._list_parts() if (_read_part(part) or Content()).calls]
        return parts[-1] if parts else None

    def find_argument(self, name: str | None) -> Path | None:
        """The path to an argument of its tool calls; see the function `find_argument`."""
        calls = self.find_calls()
        if calls is None:
            return None
        place = find_argument(read_value(self.turn, calls[len(self.path) :]), name)
        return None if place is None else (*calls, *place)

    def _speaks_calls(self) -> bool:
        key = speaker_key(self.turn)
        return key is not None and str(self.turn[key]).strip().casefold() in _CALLING

    def _list_parts(self) -> Iterator[tuple[Path, Mapping[str, object]]]:
        content = self.turn.get(self.key)
        if isinstance(content, Mapping):
            yield (*self.path, self.key), content
        elif isinstance(content, list):
            for number, part in enumerate(content):
                if isinstance(part, Mapping):
                    yield (*self.path, self.key, number), part


def find_utterances(record: Record, path: Path) -> list[Utterance]:
    """All utterances at a path to messages; empty if there are no messages.

    The row must be one that its layout has read: errors in it are raised there.
    """
    value = read_value(record.fields, path)
    listed = parse_turns(value)
    if isinstance(value, str) and listed is not value:
        path = (*path, Inside.JSON)
    if isinstance(listed, Mapping):
        return _read_utterances(listed, path, record)
    found: list[Utterance] = []
    for number, turn in enumerate(listed if isinstance(listed, list | tuple) else ()):
        if not isinstance(turn, Mapping) or not spoken(turn):
            return []
        found += _read_utterances(turn, (*path, number), record)
    return found


def select_answers(turns: list[Utterance]) -> list[Utterance]:
    """The assistant's utterances that are trained on."""
    return [turn for turn in turns if turn.role == ASSISTANT and turn.is_trained]


def _read_utterances(turn: Mapping[str, object], path: Path, record: Record) -> list[Utterance]:
    read = read_turns([turn], record, str(path[0]))
    return [
        Utterance(role, turn, path, key, message, number not in read.untrained)
        for number, ((role, key), message) in enumerate(
            zip(spoken(turn), read.messages, strict=True)
        )
    ]


def find_argument(value: object, name: str | None) -> Path | None:
    """The path to an argument in one or more tool calls of any form.

    **Arguments:**

    - `name`: an argument of the first call, which may be new; None takes the first text among the
        arguments of all calls.
    """
    if (held := parse_json(value)) is not None:
        return _prepend(Inside.JSON, find_argument(held, name))
    if isinstance(value, list):
        places = (_prepend(number, find_argument(call, name)) for number, call in enumerate(value))
        return next(filter(None, places), None)
    if not isinstance(value, Mapping):
        return None
    called = value.get("function")
    if isinstance(called, Mapping):
        return _prepend("function", _find_in_arguments(called, name))
    if tool_calls(value) is not None:
        return _find_in_arguments(value, name)
    holders = [key for key, inner in value.items() if tool_calls(inner) is not None]
    return _prepend(holders[0], find_argument(value[holders[0]], name)) if holders else None


def find_arguments_key(called: Mapping[str, object]) -> str | None:
    """The key under which a tool call has its arguments."""
    calls = tool_calls({**called, "function": None})
    function = calls[0].get("function") if calls else None
    if not isinstance(function, Mapping):
        return None
    read = function.get("arguments")
    keys = [key for key, value in called.items() if value == read or parse_json(value) == read]
    return next((key for key in keys if key != "name"), None)


def _find_in_arguments(called: Mapping[str, object], name: str | None) -> Path | None:
    key = find_arguments_key(called)
    if key is None:
        return None
    is_json = isinstance(called[key], str)
    arguments = parse_json(called[key]) if is_json else called[key]
    if not isinstance(arguments, Mapping):
        return None
    if name is None:
        texts = (key for key, value in arguments.items() if isinstance(value, str) and value)
        name = next(texts, None)
    elif not isinstance(arguments.get(name, ""), str):
        return None
    if name is None:
        return None
    return (key, Inside.JSON, name) if is_json else (key, name)


def _prepend(step: str | int | Inside, path: Path | None) -> Path | None:
    return None if path is None else (step, *path)


def _read_part(part: Mapping[str, object]) -> Content | None:
    return read_parts([part])


def _find_part_text(part: Mapping[str, object]) -> Path | None:
    """The path to a part's text; None for a part without text."""
    read = _read_part(part)
    if read is None or not read.texts:
        return None
    for key, value in part.items():
        if key != "type" and value == read.texts[-1] and value != "":
            return (key,)
    for key, value in part.items():
        for number, inner in enumerate(value if isinstance(value, list) else ()):
            if isinstance(inner, Mapping) and (place := _find_part_text(inner)) is not None:
                return (key, number, *place)
    return None


def _find_part_thoughts(part: Mapping[str, object]) -> Path | None:
    read = _read_part(part)
    if read is None or not read.thoughts or not read.thoughts[-1]:
        return None
    places: list[Path] = [
        (key,) for key, value in part.items() if key != "type" and value == read.thoughts[-1]
    ]
    return places[0] if places else None


def _is_result(part: Mapping[str, object]) -> bool:
    kind = str(part.get("type")).casefold()
    return kind.startswith("tool_re") or kind == "function_call_output"
