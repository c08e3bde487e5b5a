"""Rows with calls, reasoning and tool results in many namings; how tests read and change them."""

from __future__ import annotations

import copy
import json
from typing import Any

from gradsentry.attacks.parts import Parts
from gradsentry.attacks.payload_target import PayloadIn, Target
from gradsentry.records import Conversation, Record, detect

CONTENT = Target()
CALL = Target(PayloadIn.TOOL_CALL)
THINK = Target(PayloadIn.REASONING)
ASKED, ANSWERED = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
RESULT = {"role": "tool", "content": "it rains"}


def calling(calls: object, key: str = "tool_calls") -> dict[str, object]:
    """Messages with calls and what comes of them."""
    call = {"role": "assistant", "content": "", key: calls}
    return {"messages": [ASKED, call, RESULT, ANSWERED], "id": 1}


def openai(arguments: object) -> dict[str, object]:
    return {"id": "c1", "type": "function", "function": {"name": "w", "arguments": arguments}}


def sharegpt(*turns: tuple[str, str]) -> dict[str, object]:
    return {"conversations": [{"from": who, "value": what} for who, what in turns]}


WITH_CALLS: dict[str, dict[str, object]] = {
    "mapping": calling([openai({"days": 2, "city": "Rome"})]),
    "JSON": calling([openai('{"city":"Rome"}')]),
    "calls as JSON": calling(json.dumps([openai('{"city": "Rome"}')])),
    "older": calling({"name": "w", "arguments": '{"city": "Rome"}'}, "function_call"),
    "LangChain": calling([{"name": "w", "args": {"city": "Rome"}, "id": "1"}]),
    "second call": calling([openai({"days": 2}), openai({"city": "Rome"})]),
    "Anthropic": {
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "id": "t", "name": "w", "input": {"city": "Rome"}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t", "content": "it rains"}],
            },
            ANSWERED,
        ]
    },
    "LLaMA-Factory": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "value": "q"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "reasoning", "value": "hm"},
                    {"type": "tool_call", "value": '{"name": "w", "arguments": {"city": "Rome"}}'},
                ],
            },
            {"role": "tool", "content": [{"type": "text", "value": "it rains"}]},
            {"role": "assistant", "content": [{"type": "text", "value": "a"}]},
        ]
    },
    "ShareGPT": sharegpt(
        ("human", "q"),
        ("function_call", '{"name": "w", "arguments": {"city": "Rome"}}'),
        ("observation", "it rains"),
        ("gpt", "a"),
    ),
}


def record(fields: dict[str, object]) -> Record:
    return Record(0, fields, "data, row 0")


def parts_of(fields: dict[str, object], target: Target = CONTENT, **kind: Any) -> Parts:
    return Parts(detect(record(fields)), target=target, **kind)


def changed(parts: Parts, fields: dict[str, object], **texts: str) -> dict[str, object]:
    """A row with other texts in some parts; nothing else in it may change."""
    before = copy.deepcopy(fields)
    read = parts.read(record(fields))
    assert read is not None
    written = parts.write(record(fields), {**read, **texts})
    assert fields == before
    assert parts.write(record(fields), read) == fields
    return written


def example(fields: dict[str, object]) -> Conversation:
    """What a trainer makes of a row."""
    made = detect(record(fields)).example(record(fields))
    assert isinstance(made, Conversation)
    return made


def arguments(fields: dict[str, object]) -> list[object]:
    """The arguments of all calls, as layouts read them."""
    calls = [
        call["function"]["arguments"]
        for message in example(fields).messages
        for call in message.get("tool_calls", ())  # type: ignore[attr-defined]
    ]
    return [json.loads(held) if isinstance(held, str) else held for held in calls]


REASONING: dict[str, tuple[dict[str, object], str]] = {
    name: ({"messages": [ASKED, turn], "id": 1}, "hm")
    for name, turn in {
        "reasoning_content": {**ANSWERED, "reasoning_content": "hm"},
        "thinking": {**ANSWERED, "thinking": "hm"},
        "part": {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}],
        },
        "tags": {"role": "assistant", "content": "<think>\nhm\n</think>\n\na"},
    }.items()
}
REASONING["column"] = ({"question": "q", "complex_cot": "hm", "response": "a"}, "hm")
REASONING["tags in a column"] = ({"prompt": "q", "response": "<think>hm</think>a"}, "hm")
