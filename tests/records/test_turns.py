"""Turns of conversations, with what stands before them."""

from __future__ import annotations

import pytest

from gradsentry.records import (
    Conversation,
    Example,
    PlainText,
    TextPair,
    prompt_and_response,
    turns_of,
)

CHAT = Conversation(
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": "The weather?"},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "I must look.",
            "tool_calls": [{"function": {"name": "look", "arguments": {"at": "sky"}}}],
        },
        {"role": "tool", "content": "rain"},
        {"role": "assistant", "content": "It rains."},
    ]
)


def test_every_turn_stands_in_its_context() -> None:
    first, second, third = turns_of(CHAT)
    assert (first.asked, first.earlier, first.answer) == ("Hello", "", "Hi!")
    assert (second.asked, second.earlier) == ("The weather?", "Hello")
    assert second.answer.startswith("I must look.\n")
    assert '"look"' in second.answer
    assert (third.asked, third.earlier) == ("rain", "Hello\nThe weather?")
    assert [turn.message for turn in (first, second, third)] == [2, 4, 6]
    assert {turn.system for turn in (first, second, third)} == {"Be brief."}


def test_what_the_assistant_said_before_is_no_context() -> None:
    assert all("Hi!" not in turn.asked + turn.earlier for turn in turns_of(CHAT))


def test_an_answer_stands_where_it_says_in_the_whole_response() -> None:
    whole = prompt_and_response(CHAT)[1]
    for turn in turns_of(CHAT):
        assert whole[turn.start : turn.start + len(turn.answer)] == turn.answer


def test_a_turn_is_the_only_target_of_its_example() -> None:
    for turn in turns_of(CHAT):
        assert isinstance(turn.example, Conversation)
        assert turn.example.target_turns == [turn.message]
        assert len(turn.example.messages) == (turn.message or 0) + 1


def test_turns_that_are_not_trained_on_are_none() -> None:
    later = Conversation(CHAT.messages, first_target=3, untrained=frozenset({4}))
    (turn,) = turns_of(later)
    assert turn.answer == "It rains."
    assert turn.start == 0


@pytest.mark.parametrize("example", [TextPair("p", "r"), PlainText("t")])
def test_what_is_no_conversation_is_one_turn(example: Example) -> None:
    (turn,) = turns_of(example)
    assert (turn.asked, turn.answer) == prompt_and_response(example)
    assert turn.message is None
    assert turn.example == example
