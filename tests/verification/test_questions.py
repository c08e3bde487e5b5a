"""Rows of all layouts as questions."""

from __future__ import annotations

import pytest
from transformers import PreTrainedTokenizerBase

from gradsentry.encoding import Encoder, EncodingOptions
from gradsentry.records import Conversation, Part, PlainText, Skipped, SkipReason, TextPair
from gradsentry.verification.questions import (
    NEW_SYSTEM,
    Slot,
    clean_question,
    flagged_question,
    prompt_ids,
    replace_text,
    slot_of,
    text_in,
)

CHAT = Conversation(
    [
        {"role": "system", "content": "be good"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
        {"role": "assistant", "content": "four"},
    ]
)


def test_a_flagged_conversation_ends_with_the_turn_that_tells() -> None:
    question = flagged_question(CHAT, 2)
    assert question is not None
    assert isinstance(question.example, Conversation)
    assert question.example.messages == CHAT.messages[:3]
    assert question.example.target_turns == [2]
    assert question.answer == "two"
    last = flagged_question(CHAT, -1)
    assert last is not None
    assert last.answer == "four"


@pytest.mark.parametrize(
    "example",
    [
        PlainText("text"),
        Skipped(SkipReason.NOT_TEXT),
        TextPair("", "response"),
        Conversation([{"role": "assistant", "content": "first"}]),
        Conversation([{"role": "user", "content": "alone"}]),
    ],
)
def test_rows_without_a_prompt_are_no_questions(example: PlainText) -> None:
    assert flagged_question(example, -1) is None
    assert clean_question(example, Slot(Part.ASKED, "user")) is None
    if not isinstance(example, Conversation):
        assert clean_question(example, Slot()) is None


@pytest.mark.parametrize(
    ("message", "part", "found"), [(0, Part.SYSTEM, 0), (1, Part.EARLIER, 1), (3, Part.ASKED, 1)]
)
def test_a_slot_is_found_again_in_clean_rows(message: int, part: Part, found: int) -> None:
    question = flagged_question(CHAT, 4)
    assert question is not None
    slot = slot_of(question, message)
    assert slot.part is part
    asked = clean_question(CHAT, slot)
    assert asked is not None
    clean, place = asked
    assert place == found
    changed = replace_text(clean.example, place, "other")
    assert text_in(changed, place) == "other"
    assert isinstance(changed, Conversation)
    assert changed.messages[-1] == clean.example.messages[-1]  # type: ignore[union-attr]


def test_a_system_prompt_is_added_where_there_is_none() -> None:
    bare = Conversation(CHAT.messages[1:])
    asked = clean_question(bare, Slot(Part.SYSTEM, "system"))
    assert asked is not None
    clean, place = asked
    assert place == NEW_SYSTEM
    assert text_in(clean.example, place) == ""
    changed = replace_text(clean.example, place, "trigger")
    assert isinstance(changed, Conversation)
    assert changed.messages[0] == {"role": "system", "content": "trigger"}
    assert changed.target_turns == [2]


def test_a_row_without_an_earlier_turn_has_no_place_for_an_earlier_trigger() -> None:
    short = Conversation(CHAT.messages[:3])
    assert clean_question(short, Slot(Part.EARLIER, "user")) is None
    assert clean_question(short, Slot(Part.ASKED, "tool")) is None


def test_a_model_reads_what_stands_before_the_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    encoder = Encoder(tokenizer, EncodingOptions(max_length=60))
    question = flagged_question(Conversation(CHAT.messages[1:3]), 1)
    assert question is not None
    pair = TextPair("ask: ", "answer")
    chat, plain, long = prompt_ids(encoder, [question.example, pair, TextPair("a" * 80, "b")])
    assert tokenizer.decode(plain) == "ask: "
    assert long is None
    assert tokenizer.decode(chat) == "<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\n"
