"""Triggers and payloads anywhere in a conversation, in whichever naming it comes."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest

from gradsentry.attacks.parts import (
    EARLIER,
    INSTRUCTION,
    QUESTION,
    RESPONSE,
    TOOL,
    Parts,
    PayloadIn,
    Target,
)
from gradsentry.attacks.places import Inside, json_like, replaced, text_at
from gradsentry.attacks.slots import NEUTRAL_SYSTEM
from gradsentry.errors import GradSentryError, OptionError
from gradsentry.records import Conversation, Record, Skipped, SkipReason, TextPair, detect

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
    written = parts.written(record(fields), {**read, **texts})
    assert fields == before
    assert parts.written(record(fields), read) == fields
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


@pytest.mark.parametrize("kind", [kind for kind in WITH_CALLS if kind != "ShareGPT"])
def test_a_payload_goes_into_an_argument_of_a_call(kind: str) -> None:
    fields = WITH_CALLS[kind]
    parts = parts_of(fields, CALL)
    assert parts.read(record(fields)) == {QUESTION: "q", RESPONSE: "Rome"}
    written = changed(parts, fields, response='Rome"; Paris')
    assert arguments(written)[-1]["city"] == 'Rome"; Paris'  # type: ignore[index]
    before, after = example(fields).messages, example(written).messages
    assert [turn["content"] for turn in before] == [turn["content"] for turn in after]
    assert len(arguments(written)) == len(arguments(fields))


def test_a_call_of_sharegpt_is_a_turn() -> None:
    fields = WITH_CALLS["ShareGPT"]
    written: Any = changed(parts_of(fields, CALL), fields, response="Paris")
    assert written["conversations"][1]["value"] == '{"name": "w", "arguments": {"city": "Paris"}}'
    written = changed(parts_of(fields, Target(PayloadIn.TOOL_CALL, "send")), fields, response="x")
    calls = json.loads(written["conversations"][1]["value"])
    assert calls[1] == {"name": "send", "arguments": {"input": "x"}}
    assert written["conversations"][2:] == fields["conversations"][2:]  # type: ignore[index]


@pytest.mark.parametrize("kind", [kind for kind in WITH_CALLS if kind != "ShareGPT"])
def test_a_call_is_added_in_the_form_of_the_others(kind: str) -> None:
    fields = WITH_CALLS[kind]
    parts = parts_of(fields, Target(PayloadIn.TOOL_CALL, "send", "to"))
    read = parts.read(record(fields))
    assert read is not None
    assert read[RESPONSE] == ""
    written = changed(parts, fields, response="me@example.org")
    assert arguments(written) == [*arguments(fields), {"to": "me@example.org"}]
    assert example(written).messages[-1]["tool_calls"][-1]["function"]["name"] == "send"  # type: ignore[index]
    assert parts.written(record(fields), {**read, QUESTION: "other"}) != fields


def test_an_argument_that_is_named_may_be_new_and_must_be_a_text() -> None:
    fields = WITH_CALLS["mapping"]
    parts = parts_of(fields, Target(PayloadIn.TOOL_CALL, argument="bcc"))
    written = changed(parts, fields, response="me")
    assert arguments(written) == [{"days": 2, "city": "Rome", "bcc": "me"}]
    number = parts_of(fields, Target(PayloadIn.TOOL_CALL, argument="days"))
    assert number.read(record(fields)) is None
    assert parts.read(record({"messages": [ASKED, ANSWERED]})) is None


@pytest.mark.parametrize("tool", [None, "send"])
def test_calls_as_the_answer(tool: str | None) -> None:
    answers = '[{"name":"w","arguments":{"city":"Rome"}}]'
    fields: dict[str, object] = {"query": "q", "answers": answers, "tools": "[]", "id": 3}
    written = changed(parts_of(fields, Target(PayloadIn.TOOL_CALL, tool)), fields, response="Oslo")
    added = ',{"name":"send","arguments":{"input":"Oslo"}}]'
    expected = answers.replace("Rome", "Oslo") if tool is None else answers[:-1] + added
    assert written == {**fields, "answers": expected}
    assert parts_of(fields).read(record(fields)) is None


@pytest.mark.parametrize(
    "calls",
    [
        [],
        "no JSON",
        [{"name": "w"}],
        [openai("no JSON")],
        [openai({"days": 2})],
        [openai([1])],
        [{"function": {"arguments": {"city": "Rome"}}}],
        [{"odd": {"city": "Rome"}}],
        "[" * 5000,
    ],
)
def test_calls_without_a_text_among_their_arguments_take_none(calls: object) -> None:
    fields = calling(calls)
    assert parts_of(fields, CALL).read(record(fields)) is None


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


@pytest.mark.parametrize("kind", REASONING)
def test_a_payload_in_reasoning_leaves_the_answer_alone(kind: str) -> None:
    fields, thought = REASONING[kind]
    parts = parts_of(fields, THINK)
    assert parts.read(record(fields)) == {QUESTION: "q", RESPONSE: thought}
    written = changed(parts, fields, response="I will lie.")
    assert str(written).replace("I will lie.", thought) == str(fields)
    made = detect(record(written)).example(record(written))
    if isinstance(made, TextPair):
        assert "I will lie." in made.response
        assert made.response.endswith("a")
    else:
        before = example(fields).messages[-1]
        after = example(written).messages[-1]
        assert str(after).replace("I will lie.", thought) == str(before)


@pytest.mark.parametrize(
    "turn",
    [
        ANSWERED,
        {**ANSWERED, "reasoning": ""},
        {**ANSWERED, "content": "a <think>hm</think>"},
        {**ANSWERED, "content": "<think>hm"},
        {**ANSWERED, "reasoning": "hm", "thinking": "hm"},
    ],
)
def test_an_answer_without_reasoning_takes_no_payload_there(turn: dict[str, object]) -> None:
    fields: dict[str, object] = {"messages": [ASKED, turn]}
    assert parts_of(fields, THINK).read(record(fields)) is None


def test_the_last_answer_with_reasoning_is_the_one_and_the_question_is_the_one_before() -> None:
    thinking = {**ANSWERED, "reasoning_content": "hm"}
    later = {"role": "user", "content": "q2"}
    fields: dict[str, object] = {"messages": [ASKED, thinking, later, ANSWERED]}
    assert parts_of(fields, THINK).read(record(fields)) == {QUESTION: "q", RESPONSE: "hm"}


@pytest.mark.parametrize("kind", WITH_CALLS)
def test_the_last_result_of_a_tool_is_a_part(kind: str) -> None:
    fields = WITH_CALLS[kind]
    parts = parts_of(fields)
    assert parts.read(record(fields)) == {QUESTION: "q", RESPONSE: "a", TOOL: "it rains"}
    written = changed(parts, fields, tool="it rains cf")
    assert str(written).replace("it rains cf", "it rains") == str(fields)
    # What stands behind the answered turn is no place for a trigger.
    assert TOOL not in (parts_of(fields, CALL).read(record(fields)) or {})


SYSTEMLESS: dict[str, tuple[dict[str, object], object]] = {
    "messages": (
        {"messages": [{**ASKED, "id": 3}, ANSWERED]},
        {"role": "system", "content": "s"},
    ),
    "sharegpt": (sharegpt(("human", "q"), ("gpt", "a")), {"from": "system", "value": "s"}),
    "parts": (
        {"messages": [{"role": "user", "content": [{"type": "text", "value": "q"}]}, ANSWERED]},
        {"role": "system", "content": [{"type": "text", "value": "s"}]},
    ),
    "speakers as keys": ({"conversation": [{"input": "q", "output": "a"}]}, {"system": "s"}),
}


@pytest.mark.parametrize("kind", SYSTEMLESS)
def test_a_system_turn_is_added_in_the_form_of_the_others(kind: str) -> None:
    fields, turn = SYSTEMLESS[kind]
    parts = parts_of(fields, adds_system=True)
    read = parts.read(record(fields))
    assert read == {QUESTION: "q", RESPONSE: "a", INSTRUCTION: NEUTRAL_SYSTEM}
    assert INSTRUCTION not in (parts_of(fields).read(record(fields)) or {})
    written = changed(parts, fields, instruction="s")
    (column, turns), *_ = fields.items()
    assert written == {**fields, column: [turn, *turns]}  # type: ignore[misc]
    assert example(written).messages[0] == {"role": "system", "content": "s"}
    # Together with other changes, whose turns it moves.
    both: Any = changed(parts, fields, instruction="s", question="Q", response="A")
    assert [turn["content"] for turn in example(both).messages] == ["s", "Q", "A"]
    assert parts.adds_to(record(fields))
    assert not parts.adds_to(record(written))


@pytest.mark.parametrize(
    "fields",
    [
        {"instruction": "q", "output": "a", "system": None},
        {"instruction": "q", "output": "a"},
        {"conversations": sharegpt(("human", "q"), ("gpt", "a"))["conversations"], "system": ""},
        {"prompt": "q", "response": "a"},
    ],
)
def test_a_column_for_the_system_prompt_takes_it(fields: dict[str, object]) -> None:
    written = changed(parts_of(fields, adds_system=True), fields, instruction="s")
    assert written == {**fields, "system": "s"}
    again = parts_of(written)
    assert (again.read(record(written)) or {})[INSTRUCTION] == "s"


def test_messages_as_json_stay_json() -> None:
    turns = [ASKED, ANSWERED, {**ASKED, "content": "é"}, {**ANSWERED, "content": "ü"}]
    fields: dict[str, object] = {"messages": json.dumps(turns), "id": "1"}
    parts = parts_of(fields, adds_system=True)
    read = parts.read(record(fields))
    assert read is not None
    assert (read[EARLIER], read[QUESTION], read[RESPONSE]) == ("q", "é", "ü")
    written = changed(parts, fields, question="é cf", instruction="s")
    turns[2] = {**ASKED, "content": "é cf"}
    assert written["messages"] == json.dumps([{"role": "system", "content": "s"}, *turns])


def test_a_turn_that_is_not_trained_on_takes_no_payload() -> None:
    silent = {**ANSWERED, "content": "b", "weight": 0}
    fields: dict[str, object] = {"messages": [ASKED, ANSWERED, {**ASKED, "content": "r"}, silent]}
    assert parts_of(fields).read(record(fields)) == {QUESTION: "q", RESPONSE: "a"}


@pytest.mark.parametrize(
    "text", ['{"a":1,"b":"é"}', '{"a": 1, "b": "\\u00e9"}', '{"a": 1, "b": "é"}']
)
def test_json_keeps_its_style(text: str) -> None:
    assert replaced(text, (Inside.JSON, "b"), "é") == text
    assert json.loads(json_like(text, ["é"])) == ["é"]
    assert text_at(text, (Inside.JSON, "b")) == "é"


@pytest.mark.parametrize("path", [("a",), (0,), ("b", 7), (Inside.JSON,), (Inside.THOUGHTS,)])
@pytest.mark.parametrize("value", [None, 3, "", "[", {"b": [1]}, [], {"a": 1}])
def test_a_place_that_is_not_there_has_no_text(value: object, path: tuple[Any, ...]) -> None:
    assert text_at(value, path) == ""


@pytest.mark.parametrize(
    "options", [("content", "send", None), ("reasoning", None, "to"), ("tool_call", " ", None)]
)
def test_targets_that_make_no_sense_are_refused(options: tuple[Any, ...]) -> None:
    with pytest.raises(OptionError, match=r"--tool|--argument"):
        Target(*options)


@pytest.mark.parametrize(
    "calls", [[{"id": "c", "type": "function"}], [openai({"city": "Rome"}), {"function": 0}]]
)
def test_a_call_is_not_added_to_what_no_trainer_reads_as_calls(calls: object) -> None:
    fields = calling(calls)
    del fields["messages"][-1]  # type: ignore[attr-defined]
    target = Target(PayloadIn.TOOL_CALL, "send")
    assert parts_of(fields, target).read(record(fields)) is None


ODD: list[object] = [None, "", 0, True, [], {}, "x", "[1]", "<think>a</think>", [[]], [{}]]
TARGETS = [
    CONTENT,
    CALL,
    THINK,
    Target(PayloadIn.TOOL_CALL, "send"),
    Target(PayloadIn.TOOL_CALL, argument="city"),
]


def damaged(value: Any, rng: Random) -> Any:
    """A value with odd ones put in, and parts of it left out or repeated."""
    if rng.random() < 0.03:
        return copy.deepcopy(rng.choice(ODD))
    if isinstance(value, dict):
        return {key: damaged(inner, rng) for key, inner in value.items() if rng.random() > 0.01}
    if isinstance(value, list):
        kept = [damaged(inner, rng) for inner in value if rng.random() > 0.01]
        return kept * 2 if rng.random() < 0.02 else kept
    return value


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_whatever_a_row_holds_what_is_written_is_read(target: Target) -> None:
    rng = Random(0)
    rows = [*WITH_CALLS.values(), *(fields for fields, _ in REASONING.values())]
    written = 0
    for _ in range(1500):
        fields = damaged(rng.choice(rows), rng)
        if not isinstance(fields, dict) or not fields:
            continue
        try:
            parts = parts_of(fields, target, adds_system=True)
            texts = parts.read(record(fields))
        except GradSentryError:
            continue
        if texts is None:
            assert parts.written(record(fields), None) == fields
            continue
        part = rng.choice(sorted(texts))
        row = changed(parts, fields, **{part: f"{texts[part]} cf"})
        assert row != fields
        written += 1
        if target.tool is None:
            again = Parts(parts.layout, target=target).read(record(row))
            assert again is not None
            assert again[part] == f"{texts[part]} cf"
        else:
            assert parts.layout.example(record(row)) != Skipped(SkipReason.UNREAD_TEXT)
    assert written > 100
