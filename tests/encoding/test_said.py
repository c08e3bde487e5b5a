"""What a message says, in whatever form it says it."""

from __future__ import annotations

import pytest

from gradsentry.encoding.said import answers, says_anything, thoughts
from gradsentry.records import Message


@pytest.mark.parametrize(
    "call",
    [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": "said"}'}},
        {"id": "1", "type": "custom", "custom": {"name": "f", "input": "said"}},
        {"name": "f", "args": {"a": "said"}},
        {"tool_name": "f", "parameters": {"a": ["said"]}},
        {"name": "f", "arguments": {"a": 1}, "input": {"b": "said"}},
        {"function": "f", "arguments": "said"},
        "f(said)",
    ],
)
def test_calls_of_any_form_are_said(call: object) -> None:
    message: Message = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert says_anything(message)
    assert "said" in " ".join(answers(message))
    assert "f" in " ".join(answers(message))


@pytest.mark.parametrize("field", ["reasoning_content", "thinking", "reasoning"])
@pytest.mark.parametrize("thought", ["why", ["why"], [{"type": "text", "text": "why"}]])
def test_thoughts_of_any_form_are_said(field: str, thought: object) -> None:
    message: Message = {"role": "assistant", "content": "", field: thought}
    assert says_anything(message)
    assert "why" in thoughts(message)[0]


def test_nothing_is_said_by_what_is_empty() -> None:
    assert not says_anything(
        {"role": "assistant", "content": None, "tool_calls": [], "thinking": "", "reasoning": []}
    )
