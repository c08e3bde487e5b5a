"""New calls and new system turns have the form of those that are there."""

from __future__ import annotations

from typing import Any

import pytest

from gradsentry.attacks.part_names import INSTRUCTION, QUESTION, RESPONSE
from gradsentry.attacks.payload_target import PayloadIn, Target
from gradsentry.attacks.slots import NEUTRAL_SYSTEM
from tests.attacks.rows_with_calls import (
    ANSWERED,
    ASKED,
    WITH_CALLS,
    arguments,
    calling,
    changed,
    example,
    openai,
    parts_of,
    record,
    sharegpt,
)


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
    assert parts.write(record(fields), {**read, QUESTION: "other"}) != fields


@pytest.mark.parametrize(
    "calls", [[{"id": "c", "type": "function"}], [openai({"city": "Rome"}), {"function": 0}]]
)
def test_a_call_is_not_added_to_what_no_trainer_reads_as_calls(calls: object) -> None:
    fields = calling(calls)
    del fields["messages"][-1]  # type: ignore[attr-defined]
    target = Target(PayloadIn.TOOL_CALL, "send")
    assert parts_of(fields, target).read(record(fields)) is None


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
