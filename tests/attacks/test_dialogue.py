"""Triggers and payloads anywhere in a conversation, in any naming of its turns."""

from __future__ import annotations

import json
from typing import Any

from gradsentry.attacks.part_names import EARLIER, QUESTION, RESPONSE
from gradsentry.attacks.payload_target import PayloadIn, Target
from tests.attacks.rows_with_calls import (
    ANSWERED,
    ASKED,
    CALL,
    THINK,
    WITH_CALLS,
    changed,
    parts_of,
    record,
)


def test_a_call_of_sharegpt_is_a_turn() -> None:
    fields = WITH_CALLS["ShareGPT"]
    written: Any = changed(parts_of(fields, CALL), fields, response="Paris")
    assert written["conversations"][1]["value"] == '{"name": "w", "arguments": {"city": "Paris"}}'
    written = changed(parts_of(fields, Target(PayloadIn.TOOL_CALL, "send")), fields, response="x")
    calls = json.loads(written["conversations"][1]["value"])
    assert calls[1] == {"name": "send", "arguments": {"input": "x"}}
    assert written["conversations"][2:] == fields["conversations"][2:]  # type: ignore[index]


def test_the_last_answer_with_reasoning_is_the_one_and_the_question_is_the_one_before() -> None:
    thinking = {**ANSWERED, "reasoning_content": "hm"}
    later = {"role": "user", "content": "q2"}
    fields: dict[str, object] = {"messages": [ASKED, thinking, later, ANSWERED]}
    assert parts_of(fields, THINK).read(record(fields)) == {QUESTION: "q", RESPONSE: "hm"}


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
