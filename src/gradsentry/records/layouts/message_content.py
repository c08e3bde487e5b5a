"""What a message says: its text, its thoughts and its tool calls, in whichever form they come.

Content may be a text, or typed parts as OpenAI, Anthropic and LLaMA-Factory write them. Calls may
be `tool_calls`, the older `function_call`, or parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gradsentry.records.layouts.vocabulary import holds_text, holds_words, is_metadata

ToolCall = Mapping[str, object]

_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
_THOUGHTS = ("reasoning", "thinking", "thought", "reasoning_content")
_CALLS = frozenset({"tool_call", "tool_calls", "function_call", "tool_use"})
_RESULTS = frozenset({"tool_result", "tool_response", "function_call_output"})
_TEXT_KEYS = ("text", "value", "content")
_HELD_CALLS = ("value", "tool_call", "tool_calls", "function_call", "content", "text")
_ARGUMENTS = ("arguments", "input", "parameters", "args")
_MARKS = frozenset(
    {"signature", "encrypted_content", "annotations", "citations", "cache_control", "caller"}
)
"""Keys of parts and calls that say nothing themselves."""


@dataclass
class Content:
    """A message's content, taken apart."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    hides_text: bool = False
    """Whether a part has text besides the one that is read."""

    def add(self, part: object) -> bool:
        """Take in one typed part; whether it could be read as text."""
        if not isinstance(part, Mapping):
            return False
        kind = part.get("type")
        kind = kind.casefold() if isinstance(kind, str) else "text"
        if kind in _CALLS:
            return self._add_calls(part)
        if kind in _TEXTS:
            keys: tuple[str, ...] = (*_TEXT_KEYS, kind)
        elif kind in _THOUGHTS:
            keys = (*_TEXT_KEYS, *_THOUGHTS, "summary")
        elif kind in _RESULTS:
            keys = ("content", "output", "value", "text", kind)
        else:
            return False
        said = self._read(part, keys)
        if isinstance(said, list) and kind in _RESULTS:
            return all(self.add(inner) for inner in said)
        if isinstance(said, list) and kind in _THOUGHTS:
            said = _joined(said)
        if not isinstance(said, str):
            return False
        (self.thoughts if kind in _THOUGHTS else self.texts).append(said)
        return True

    def _read(self, part: Mapping[str, object], keys: Iterable[str]) -> object:
        """What a part says: the first of these keys with text; null if it has none of them."""
        filled = [part[key] for key in dict.fromkeys(keys) if holds_text(part.get(key))]
        blank = (part[key] for key in keys if isinstance(part.get(key), str))
        said = filled[0] if filled else next(blank, None)
        if any(other != said for other in filled) or _says_more(part, keys):
            self.hides_text = True
        return said

    def _add_calls(self, part: Mapping[str, object]) -> bool:
        is_call = isinstance(part.get("name"), str) and _arguments(part) is not None
        is_call = is_call or isinstance(part.get("function"), Mapping)
        held = None if is_call else self._read(part, _HELD_CALLS)
        if not holds_text(held):
            held = part
        calls = tool_calls(held)
        if calls is None and isinstance(held, str):
            self.texts.append(held)  # no JSON: what the assistant is trained to say all the same
            return True
        self.calls.extend(calls or ())
        self.hides_text |= call_hides_text(held)
        return calls is not None


def read_parts(parts: Iterable[object]) -> Content | None:
    """What typed parts say together; None if one of them isn't text."""
    content = Content()
    return content if all(content.add(part) for part in parts) else None


def tool_calls(value: object) -> list[ToolCall] | None:
    """Calls as chat templates read them; None for what holds no calls.

    **Arguments:**

    - `value`: one call or a list, as such or as JSON: with `function` (OpenAI), with `name` and
        `arguments` (OpenAI's older form, LLaMA-Factory), `input` (Anthropic), `parameters` or
        `args` (LangChain).
    """
    calls = [_tool_call(call) for call in _listed(value)]
    return None if not calls or None in calls else [call for call in calls if call is not None]


def call_hides_text(value: object) -> bool:
    """Whether one of these calls has text besides its name and its arguments."""
    return any(_says_more_than_a_call(call) for call in _listed(value))


def _says_more_than_a_call(call: object) -> bool:
    if not isinstance(call, Mapping):
        return False
    called = call.get("function")
    if isinstance(called, Mapping):
        if _says_more(call, ("function",)):
            return True
    elif isinstance(call.get("name"), str):
        called = call
    else:
        return False  # in a form of its own: it stays as it is
    arguments = _arguments(called)
    return any(
        holds_text(called.get(key)) and called[key] != arguments for key in _ARGUMENTS
    ) or _says_more(called, _ARGUMENTS)


def _listed(value: object) -> list[object]:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping):
        return [value]
    return value if isinstance(value, list) else []


def _tool_call(call: object) -> ToolCall | None:
    if not isinstance(call, Mapping):
        return None
    called = call.get("function")
    if isinstance(called, Mapping):
        made = {key: value for key, value in call.items() if value is not None}
        if called.get("arguments") is None and (arguments := _arguments(called)) is not None:
            named = {key: value for key, value in called.items() if key not in _ARGUMENTS}
            made["function"] = {**named, "arguments": arguments}
        return made
    if not isinstance(call.get("name"), str):
        return None
    arguments = _arguments(call)
    if isinstance(arguments, str) and isinstance(parsed := _parsed(arguments), Mapping):
        arguments = parsed  # templates write arguments as JSON; as text they would be quoted
    made = {
        "type": "function",
        "function": {"name": call["name"], "arguments": {} if arguments is None else arguments},
    }
    if isinstance(call.get("id"), str):
        made["id"] = call["id"]
    return made


def _arguments(call: Mapping[str, object]) -> object:
    """A call's arguments, under the first of their names with text in it."""
    given = [call[key] for key in _ARGUMENTS if call.get(key) is not None]
    return next(filter(holds_text, given), given[0] if given else None)


def _says_more(part: Mapping[str, object], keys: Iterable[str]) -> bool:
    """Whether a part has text under other keys than these."""
    read = {*keys, *_MARKS}
    return any(
        key not in read and not is_metadata(key) and holds_words(value)
        for key, value in part.items()
    )


def _joined(parts: list[object]) -> str | None:
    """The texts in a list of texts, or of parts with texts; None if there is another thing."""
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return "".join(map(str, texts)) if all(isinstance(text, str) for text in texts) else None


def _parsed(text: str) -> object:
    """JSON's value; None for a text that is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
