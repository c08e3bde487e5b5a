"""Payloads in calls and in reasoning."""

from __future__ import annotations

import pytest

from gradsentry.attacks.part_names import QUESTION, RESPONSE
from gradsentry.attacks.payload_target import PayloadIn, Target
from gradsentry.records import (
    TextPair,
    detect,
)
from tests.attacks.rows_with_calls import (
    ANSWERED,
    ASKED,
    CALL,
    REASONING,
    THINK,
    WITH_CALLS,
    arguments,
    calling,
    changed,
    example,
    openai,
    parts_of,
    record,
)


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
