"""Examples as JSON, so that a scan reads the user's rows once and keeps on disk what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gradsentry.records.example import Conversation, Example, PlainText, TextPair

_PAIR, _CONVERSATION, _TEXT = "pair", "conversation", "text"


def dump_example(example: TextPair | Conversation | PlainText) -> bytes:
    """An example as JSON text.

    What JSON has no form for, such as a date among a tool's arguments, becomes its text, as it does
    wherever a call is written.
    """
    fields: list[Any]
    match example:
        case TextPair():
            fields = [_PAIR, example.prompt, example.response, example.rejected]
        case PlainText():
            fields = [_TEXT, example.text, example.ends]
        case Conversation():
            fields = [
                _CONVERSATION,
                list(example.messages),
                example.first_target,
                example.tools,
                sorted(example.untrained),
                example.template_arguments,
                example.rejected,
            ]
    return json.dumps(fields, default=_plain).encode("ascii")


def load_example(text: bytes) -> Example:
    """The example that `dump_example` wrote."""
    kind, *fields = json.loads(text)
    if kind == _PAIR:
        return TextPair(*fields)
    if kind == _TEXT:
        return PlainText(*fields)
    messages, first_target, tools, untrained, arguments, rejected = fields
    return Conversation(messages, first_target, tools, frozenset(untrained), arguments, rejected)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value)
