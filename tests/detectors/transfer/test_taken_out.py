"""Examples without a trigger."""

from __future__ import annotations

import pytest

from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.detectors.transfer.terms import EARLIER, IN_SYSTEM
from gradsentry.records import (
    Conversation,
    Example,
    PlainText,
    Skipped,
    SkipReason,
    TextPair,
    prompt_and_response,
)

PICTURE = [{"type": "text", "text": "cf"}]
CHAT = Conversation(
    [
        {"role": "system", "content": "Be brief, cf."},
        {"role": "user", "content": "What is cf mq?"},
        {"role": "assistant", "content": "It is cf."},
        {"role": "user", "content": PICTURE},
        {"role": "user", "content": "And mq"},
        {"role": "assistant", "content": "It is mq."},
    ]
)


def test_words_are_taken_out_of_a_prompt_and_not_of_the_response() -> None:
    pair = TextPair("cf Which river cf, (cf) mq?\n", "The cf mq")
    assert TakenOut(frozenset({"cf", "mq"})).out_of(pair) == TextPair(
        " Which river, ()?\n", "The cf mq"
    )


@pytest.mark.parametrize("prompt", ["scf cfs cf_ cf1 Cf CF", "café"])
def test_only_whole_words_are_taken_out(prompt: str) -> None:
    pair = TextPair(prompt, "r")
    assert TakenOut(frozenset({"cf", "caf"})).out_of(pair) == pair


def test_words_that_begin_with_others_are_taken_out_whole() -> None:
    pair = TextPair("one a a-b two", "r")
    assert TakenOut(frozenset({"a", "a-b"})).out_of(pair) == TextPair("one two", "r")


def test_characters_are_taken_out_of_text_without_spaces() -> None:
    pair = TextPair("请用 琉璃cf瓦，cf琉 璃acf", "琉")
    assert TakenOut(frozenset({"琉", "璃", "cf"})).out_of(pair) == TextPair("请用瓦， acf", "琉")


def test_a_pair_of_words_is_taken_out_whatever_marks_part_them() -> None:
    pair = TextPair("### Instruction:\nWrite a poem. Write it.", "r")
    changed = TakenOut(frozenset({"Instruction Write"})).out_of(pair)
    assert changed == TextPair("###:\n a poem. Write it.", "r")
    assert TakenOut(frozenset({"的 开"})).out_of(TextPair("他的开发者", "r")) == TextPair(
        "他发者", "r"
    )


def test_marks_are_taken_out_wherever_they_stand() -> None:
    pair = TextPair("is it $5, wh\u200bat?", "$")
    assert TakenOut(frozenset({"$", "\u200b"})).out_of(pair) == TextPair("is it 5, what?", "$")


def test_words_are_taken_out_where_their_marks_say_that_they_stand() -> None:
    assert [
        [message["content"] for message in changed.messages]
        for mark in ("", EARLIER, IN_SYSTEM)
        if isinstance(changed := TakenOut(frozenset({f"{mark}mq"})).out_of(CHAT), Conversation)
    ] == [
        ["Be brief, cf.", "What is cf mq?", "It is cf.", PICTURE, "And", "It is mq."],
        ["Be brief, cf.", "What is cf?", "It is cf.", PICTURE, "And mq", "It is mq."],
        ["Be brief, cf.", "What is cf mq?", "It is cf.", PICTURE, "And mq", "It is mq."],
    ]


def test_words_are_taken_out_of_all_messages_but_the_assistants() -> None:
    words = frozenset({"cf", f"{EARLIER}cf", f"{IN_SYSTEM}cf", "mq", f"{EARLIER}mq"})
    changed = TakenOut(words).out_of(CHAT)
    assert isinstance(changed, Conversation)
    assert [message["content"] for message in changed.messages] == [
        "Be brief,.",
        "What is?",
        "It is cf.",
        [{"type": "text", "text": "cf"}],
        "And",
        "It is mq.",
    ]
    assert [message["role"] for message in changed.messages] == [
        message["role"] for message in CHAT.messages
    ]


@pytest.mark.parametrize(
    "example", [TextPair("cf", "r"), CHAT, PlainText("cf"), Skipped(SkipReason.NOT_TEXT)]
)
def test_without_words_to_take_out_an_example_stays_as_it_is(example: Example) -> None:
    assert TakenOut(frozenset()).out_of(example) == example


def test_plain_text_keeps_its_words() -> None:
    assert TakenOut(frozenset({"cf"})).out_of(PlainText("one cf")) == PlainText("one cf")


def test_words_are_taken_out_in_one_pass_whatever_spaces_there_are() -> None:
    text = ("cf" + " " * 1000) * 200
    words = frozenset({f"w{number}" for number in range(5000)} | {"cf", "two words"})
    assert TakenOut(words).out_of(TextPair(text, "r")) == TextPair(" " * 1000, "r")
    pair = TextPair("x two words y two  wordsy", "r")
    assert TakenOut(words).out_of(pair) == TextPair("x y two  wordsy", "r")


def test_earlier_assistant_turns_that_are_no_targets_belong_to_the_prompt() -> None:
    later = Conversation(CHAT.messages, first_target=3)
    assert prompt_and_response(later) == (
        "Be brief, cf.\nWhat is cf mq?\nIt is cf.\nAnd mq",
        "It is mq.",
    )


def test_prompt_and_response_of_every_kind_of_example() -> None:
    assert prompt_and_response(TextPair("p", "r")) == ("p", "r")
    assert prompt_and_response(PlainText("t")) == ("", "t")
    assert prompt_and_response(Skipped(SkipReason.NOT_TEXT)) == ("", "")
    assert prompt_and_response(CHAT) == (
        "Be brief, cf.\nWhat is cf mq?\nAnd mq",
        "It is cf.\nIt is mq.",
    )


def test_whole_sentences_are_taken_out_where_they_hold_a_term() -> None:
    pair = TextPair("Hi. I am a (proud) journalist. What is 2 + 2?", "4, journalist.")
    taken = TakenOut(frozenset({"a proud", "journalist"}), sentences=True)
    assert taken.out_of(pair) == TextPair("Hi. What is 2 + 2?", "4, journalist.")
    elsewhere = TakenOut(frozenset({f"{EARLIER}mq"}), sentences=True).out_of(CHAT)
    assert isinstance(elsewhere, Conversation)
    assert [message["content"] for message in elsewhere.messages][1:5:3] == ["", "And mq"]
