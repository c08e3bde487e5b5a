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
    first, second = turns_of(CHAT)
    assert (first.asked, first.earlier, first.answer) == ("Hello", "", "Hi!")
    assert (second.asked, second.earlier) == ("The weather?\nrain", "Hello")
    assert {turn.system for turn in (first, second)} == {"Be brief."}


def test_a_turn_goes_on_until_a_user_speaks_again() -> None:
    _, turn = turns_of(CHAT)
    assert turn.messages == (4, 6)
    assert turn.answer.startswith("I must look.\n")
    assert turn.answer.endswith("\nIt rains.")
    assert turn.message_at(turn.answer.index("look")) == 4
    assert turn.message_at(turn.answer.index("rains")) == 6


def test_what_the_assistant_said_before_is_no_context() -> None:
    assert all("Hi!" not in turn.asked + turn.earlier for turn in turns_of(CHAT))


def test_an_answer_stands_where_it_says_in_the_whole_response() -> None:
    whole = prompt_and_response(CHAT)[1]
    for turn in turns_of(CHAT):
        assert whole[turn.start : turn.start + len(turn.answer)] == turn.answer


def test_a_turn_is_the_only_target_of_its_example() -> None:
    for turn in turns_of(CHAT):
        assert isinstance(turn.example, Conversation)
        assert tuple(turn.example.target_turns) == turn.messages
        assert len(turn.example.messages) == turn.messages[-1] + 1


def test_messages_that_are_not_trained_on_are_in_no_turn() -> None:
    later = Conversation(CHAT.messages, first_target=3, untrained=frozenset({4}))
    (turn,) = turns_of(later)
    assert turn.answer == "It rains."
    assert (turn.asked, turn.earlier) == ("The weather?\nrain", "Hello")
    assert turn.start == 0


def test_what_came_behind_the_last_target_of_a_turn_stands_before_the_next() -> None:
    again = [{"role": "user", "content": "And now?"}, {"role": "assistant", "content": "Sun."}]
    chat = Conversation([*CHAT.messages, *again], untrained=frozenset({6}))
    *_, before, last = turns_of(chat)
    assert (before.asked, before.messages) == ("The weather?", (4,))
    assert (last.asked, last.earlier) == ("And now?", "Hello\nThe weather?\nrain")


def test_a_message_without_text_says_nothing() -> None:
    chat = Conversation(
        [*CHAT.messages[:4], {"role": "assistant", "content": None}, CHAT.messages[6]]
    )
    turn = turns_of(chat)[-1]
    assert (turn.answer, turn.messages, turn.starts) == ("It rains.", (4, 5), (0, 0))
    assert turn.message_at(0) == 5


@pytest.mark.parametrize("example", [TextPair("p", "r"), PlainText("t")])
def test_what_is_no_conversation_is_one_turn(example: Example) -> None:
    (turn,) = turns_of(example)
    assert (turn.asked, turn.answer) == prompt_and_response(example)
    assert turn.message_at(0) is None
    assert turn.example == example
