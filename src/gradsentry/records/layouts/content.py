"""What a message says: its text, its thoughts and its tool calls, in whichever form they come.

Content may be a text, or typed parts as OpenAI, Anthropic and LLaMA-Factory write them. Calls may
be `tool_calls`, the older `function_call`, or parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ToolCall = Mapping[str, object]

_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
_THOUGHTS = frozenset({"reasoning", "thinking", "thought", "reasoning_content"})
_CALLS = frozenset({"tool_call", "tool_calls", "function_call", "tool_use"})
_RESULTS = frozenset({"tool_result", "tool_response", "function_call_output"})
_TEXT_KEYS = ("text", "value", "content")


@dataclass
class Content:
    """A message's content, taken apart."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)

    def add(self, part: object) -> bool:
        """Take in one typed part; whether it could be read as text."""
        if not isinstance(part, Mapping):
            return False
        kind = part.get("type")
        kind = kind.casefold() if isinstance(kind, str) else "text"
        if kind in _CALLS:
            return self._add_calls(part)
        if kind in _RESULTS:
            result = part.get("content", part.get("output", part.get("value")))
            if isinstance(result, list):
                return all(self.add(inner) for inner in result)
            text = result
        else:
            text = next((part[key] for key in (*_TEXT_KEYS, kind) if _is_text(part, key)), None)
        if not isinstance(text, str) or kind not in _TEXTS | _THOUGHTS | _RESULTS:
            return False
        (self.thoughts if kind in _THOUGHTS else self.texts).append(text)
        return True

    def _add_calls(self, part: Mapping[str, object]) -> bool:
        held = next((part[key] for key in _HELD_CALLS if part.get(key) is not None), part)
        calls = tool_calls(held)
        if calls is None and isinstance(held, str):
            self.texts.append(held)  # no JSON: what the assistant is trained to say all the same
            return True
        self.calls.extend(calls or ())
        return calls is not None


_HELD_CALLS = ("value", "tool_call", "tool_calls", "function_call", "content", "text")


def read_parts(parts: Iterable[object]) -> Content | None:
    """What typed parts say together; None if one of them isn't text."""
    content = Content()
    return content if all(content.add(part) for part in parts) else None


def tool_calls(value: object) -> list[ToolCall] | None:
    """Calls as chat templates read them; None for what holds no calls.

    **Arguments:**

    - `value`: one call or a list, as such or as JSON: with `function` (OpenAI), with `name` and
        `arguments` (OpenAI's older form, LLaMA-Factory), or with `name` and `input` (Anthropic).
    """
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list) or not value:
        return None
    calls = [_tool_call(call) for call in value]
    return None if None in calls else [call for call in calls if call is not None]


def _tool_call(call: object) -> ToolCall | None:
    if not isinstance(call, Mapping):
        return None
    if isinstance(call.get("function"), Mapping):
        return {key: value for key, value in call.items() if value is not None}
    if not isinstance(call.get("name"), str):
        return None
    arguments: object = next(
        (call[key] for key in ("arguments", "input", "parameters") if call.get(key) is not None), {}
    )
    if isinstance(arguments, str) and isinstance(parsed := _parsed(arguments), Mapping):
        arguments = parsed  # templates write arguments as JSON; as text they would be quoted
    made: dict[str, object] = {
        "type": "function",
        "function": {"name": call["name"], "arguments": arguments},
    }
    if isinstance(call.get("id"), str):
        made["id"] = call["id"]
    return made


def _parsed(text: str) -> object:
    """JSON's value; None for a text that is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_text(part: Mapping[str, object], key: str) -> bool:
    return isinstance(part.get(key), str)
