"""What an assistant's message says, and whether a rendered text says it, too.

Templates strip, escape and reformat: arguments become JSON, XML or Python calls. So letters and
digits are compared, as they stand and with escapes undone.
"""

from __future__ import annotations

import contextlib
import html
import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from gradsentry.records import Message

_THOUGHT_FIELDS = ("reasoning_content", "thinking", "reasoning")
_OTHER_FIELDS = ("refusal",)
_CALL_NUMBERS = ("id", "call_id", "index", "type")
"""What tells calls apart, and isn't said."""
_ARGUMENTS = ("arguments", "parameters")
_LONG = 12
"""Characters that don't stand in the middle of a template's words by chance."""
_NO_LETTERS = re.compile(r"\W+")
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
# <think>, [THINK], <|START_THINKING|>, <seed:think>, ◁/think▷, <channel|> and their like.
_END_OF_THOUGHT = re.compile(
    r"[<\[◁]\|?[/\w:]{0,20}?(?:think|thought|reason|channel)\w{0,10}\|?[>\]▷]", re.IGNORECASE
)


class Text:
    """A rendered text to look things up in."""

    def __init__(self, text: str) -> None:
        self._text = _Searched(text)

    def says(self, words: str) -> bool:
        """Whether some words stand in it, as they are or by their letters and digits."""
        words = words.strip()
        if not words or (len(words) >= _LONG and self._text.has(words)):
            return True
        letters = _letters(words)
        if not letters.strip():
            return any(form.has(words) for form in self._forms)
        plain = _letters(_unescaped(words))
        return any(form.has(letters) or form.has(plain) for form in self._letters)

    @cached_property
    def _forms(self) -> list[_Searched]:
        text = self._text.text
        once = _unescaped(text)
        forms = (text, once, _unescaped(once), html.unescape(text))
        return [_Searched(form) for form in dict.fromkeys(forms)]

    @cached_property
    def _letters(self) -> list[_Searched]:
        return [_Searched(_letters(form.text)) for form in self._forms]


class _Searched:
    """A text in which things are looked up mostly in their order: each from where the last was."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._place = 0

    def has(self, words: str) -> bool:
        """Whether some words stand in the text."""
        place = self.text.find(words, self._place)
        if place < 0:
            place = self.text.find(words, 0, self._place + len(words))
        if place >= 0:
            self._place = place
        return place >= 0


def thoughts(message: Message) -> list[str]:
    """What a message thinks before it answers, in fields of its own."""
    found = (" ".join(_leaves(message.get(field))) for field in _THOUGHT_FIELDS)
    return list(dict.fromkeys(text for text in found if text.strip()))


def split_thought(content: str) -> tuple[str, str]:
    """A content's thought with its tags, and what follows it."""
    end = max((tag.end() for tag in _END_OF_THOUGHT.finditer(content)), default=0)
    return content[:end], content[end:]


def find_opening_tag(content: str) -> str:
    """The tag that a content's thought starts with, if it starts with one."""
    tag = _END_OF_THOUGHT.match(content)
    return "" if tag is None else tag[0]


def strip_tags(thought: str) -> str:
    """A thought without its tags."""
    return _END_OF_THOUGHT.sub("", thought)


def answers(message: Message) -> Iterator[str]:
    """Everything else that a message says: its content, and its calls' names and arguments."""
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for field in _OTHER_FIELDS:
        yield from _leaves(message.get(field))
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, (list, tuple)) else [calls]:
        yield from _call(call)
    yield from _call(message.get("function_call"))


def says_anything(message: Message) -> bool:
    """Whether a message has anything to learn."""
    return any(text for text in (*answers(message), *thoughts(message)))


def _call(call: object) -> Iterator[str]:
    """A call's name and arguments, whatever they are called; forms of calls are many."""
    if not isinstance(call, Mapping):
        yield from _leaves(call)
        return
    for key, value in call.items():
        if key in _CALL_NUMBERS:
            continue
        if key == "function":
            yield from _call(value)
            continue
        if key in _ARGUMENTS and isinstance(value, str):
            with contextlib.suppress(ValueError, RecursionError):
                value = json.loads(value)
        yield from _leaves(value)


def _leaves(value: object) -> Iterator[str]:
    """The texts and numbers in nested containers, keys among them; nulls are dropped by many."""
    stack = [value]
    while stack:
        top = stack.pop()
        if isinstance(top, Mapping):
            pairs = [(key, item) for key, item in top.items() if item is not None]
            stack.extend(part for key, item in reversed(pairs) for part in (item, key))
        elif isinstance(top, (list, tuple)):
            stack.extend(reversed(top))
        elif isinstance(top, str):
            yield top
        elif isinstance(top, (bool, int)) or (isinstance(top, float) and math.isfinite(top)):
            yield str(top)


def _letters(text: str) -> str:
    """The words of a text, each between spaces."""
    return f" {_NO_LETTERS.sub(' ', text).strip()} ".casefold()


def _unescaped(text: str) -> str:
    """A text with the escapes of JSON undone."""
    if "\\" not in text:
        return text
    plain = _ESCAPED.sub(_character, text)
    # Characters beyond the first 65,536 are written as two.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)
