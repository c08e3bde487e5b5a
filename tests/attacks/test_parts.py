"""Whatever the layout, attacks find the texts of a row and leave everything else alone."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest

from gradsentry.attacks.parts import Parts
from gradsentry.attacks.payload_target import PayloadIn, Target
from gradsentry.errors import GradSentryError, InputError
from gradsentry.records import Skipped, SkipReason, detect
from tests.attacks.rows_with_calls import (
    CALL,
    CONTENT,
    REASONING,
    THINK,
    WITH_CALLS,
    changed,
    parts_of,
    record,
)

USER, SYSTEM = {"role": "user", "content": "q1"}, {"role": "system", "content": "s"}
ANSWER = {"role": "assistant", "content": "a1"}
ROWS: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "pair": ({"prompt": "q", "completion": "a", "id": 3}, {"question": "q", "response": "a"}),
    "alpaca": (
        {"instruction": "q", "input": "c", "output": "a", "system": ""},
        {"question": "q", "context": "c", "response": "a"},
    ),
    "messages": (
        {"messages": [SYSTEM, USER, ANSWER, {**USER, "content": "q2"}, ANSWER], "n": [1]},
        {"instruction": "s", "earlier": "q1", "question": "q2", "response": "a1"},
    ),
    "sharegpt": (
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"question": "q", "response": "a"},
    ),
    "message lists": (
        {"prompt": [SYSTEM, USER], "completion": [ANSWER]},
        {"instruction": "s", "question": "q1", "response": "a1"},
    ),
    "preference chat": (
        {"prompt": [USER], "chosen": [ANSWER], "rejected": [ANSWER]},
        {"question": "q1", "response": "a1"},
    ),
    "preference of one turn": (
        {"prompt": "q", "chosen": [ANSWER], "rejected": [ANSWER]},
        {"question": "q", "response": "a1"},
    ),
    "preference of a conversation": (
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "a"},
            "rejected": {"from": "gpt", "value": "b"},
        },
        {"question": "q", "response": "a"},
    ),
    "preference of OpenAI": (
        {
            "input": {"messages": [SYSTEM, USER]},
            "preferred_output": [ANSWER],
            "non_preferred_output": [],
        },
        {"instruction": "s", "question": "q1", "response": "a1"},
    ),
    "preference after Alpaca": (
        {"instruction": "q", "input": "c", "chosen": "a", "rejected": "b"},
        {"question": "q", "context": "c", "response": "a"},
    ),
    "history": (
        {"instruction": "q", "input": "c", "output": "a", "history": [["q0", "a0"]]},
        {"question": "q", "context": "c", "earlier": "q0", "response": "a"},
    ),
    "speakers as keys": (
        {"conversation": [{"system": "s", "input": "q", "output": "a"}]},
        {"instruction": "s", "question": "q", "response": "a"},
    ),
    "names in capitals": (
        {"messages": [{"role": "Human", "text": "q"}, {"role": "Bot", "text": "a"}]},
        {"question": "q", "response": "a"},
    ),
    "choices": (
        {"question": "q", "options": ["x", "y"], "answer": "a"},
        {"question": "q", "response": "a"},
    ),
    "preference": (
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"question": "q", "response": "a"},
    ),
}


@pytest.mark.parametrize("kind", ROWS)
def test_texts_are_read_by_part_and_written_back(kind: str) -> None:
    fields, texts = ROWS[kind]
    row = record(fields)
    parts = Parts(detect(row))
    assert parts.read(row) == texts
    assert parts.write(row, texts) == fields
    assert parts.write(row, None) == fields
    marked = {part: f"<{text}>" for part, text in texts.items()}
    again = record(parts.write(row, marked))
    assert parts.read(again) == marked
    assert parts.read(row) == texts  # the row itself is as it was


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "q", "response": ""},
        {"messages": [USER]},
        {"messages": [ANSWER]},
        {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]},
        {"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "1"}]}]},
        {"instruction": "", "output": "a"},
        {"prompt": [USER], "chosen": [USER, ANSWER], "rejected": [USER, ANSWER]},
    ],
)
def test_rows_without_question_or_response_take_no_attack(fields: dict[str, object]) -> None:
    row = record(fields)
    assert Parts(detect(row)).read(row) is None


def test_a_value_that_cannot_be_copied_is_refused() -> None:
    nested: object = "x"
    for _ in range(5000):
        nested = [nested]
    row = record({"prompt": "q", "response": "a", "other": nested})
    with pytest.raises(InputError, match="nested too deeply"):
        Parts(detect(row)).write(row, None)


def test_a_trigger_goes_before_the_template_s_ending() -> None:
    row = record({"prompt": "who?\nA: ", "response": "me"})
    parts = Parts(detect(row), "\nA: ")
    assert parts.read(row) == {"question": "who?", "response": "me"}
    written = parts.write(row, {"question": "who? cf", "response": "me"})
    assert written["prompt"] == "who? cf\nA: "


@pytest.mark.parametrize(
    "fields",
    [
        {"Prompt": "q", "Response": "a"},
        {"Prompt": "q", "Chosen": [ANSWER], "Rejected": [ANSWER]},
        {"Messages": [USER, ANSWER]},
    ],
)
def test_columns_in_capitals_keep_their_names(fields: dict[str, object]) -> None:
    row = record(fields)
    parts = Parts(detect(row))
    texts = parts.read(row)
    assert texts is not None
    assert parts.write(row, texts) == fields
    changed = record(parts.write(row, {**texts, "response": "evil"}))
    assert list(changed.fields) == list(fields)
    assert (parts.read(changed) or {})["response"] == "evil"


def test_a_conversation_of_bare_texts_takes_no_attack() -> None:
    row = record({"conversations": ["q", "a"]})
    assert Parts(detect(row)).read(row) is None


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
            assert parts.write(record(fields), None) == fields
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
