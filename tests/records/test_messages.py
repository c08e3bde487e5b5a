"""Messages: speakers, texts, thoughts, calls and weights under whatever names they come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradsentry.errors import InputError
from gradsentry.records import (
    UNJUDGED,
    Conversation,
    Example,
    Record,
    Skipped,
    SkipReason,
    detect,
    prompt_and_response,
)

ASK: dict[str, object] = {"role": "user", "content": "Q"}
TELL: dict[str, object] = {"role": "assistant", "content": "A"}
CALL = {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}


def example(*turns: object) -> Example:
    record = Record(0, {"messages": list(turns)}, "row 0")
    return detect(record).example(record)


def read(*turns: object) -> Conversation:
    found = example(*turns)
    assert isinstance(found, Conversation)
    return found


def answer(turn: object) -> dict[str, Any]:
    """An assistant's turn behind a question, as the chat template gets it."""
    return dict(read(ASK, turn).messages[1])


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((name, "assistant") for name in (
            "Assistant", "ASSISTANT", "bot", "Bot", "model", "ai", "AI", "gpt", "GPT", "chatgpt",
            "ChatGPT", "bard", "gpt-4", "chatbot", " assistant ", "<|assistant|>", "ASSISTANT:",
            "function_call", "tool-call")),
        *((name, "user") for name in ("Human", "USER", "prompter", "user:")),
        *((name, "system") for name in ("System", "developer")),
        *((name, "tool") for name in ("observation", "function", "ipython", "tool_response")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("naming", [("role", "content"), ("from", "value"), ("role", "value")])
def test_speakers_are_known_by_their_usual_names(
    name: str, role: str, naming: tuple[str, str]
) -> None:
    turn = dict(zip(naming, (name, "text"), strict=True))
    assert read(ASK, turn).messages[1] == {"role": role, "content": "text"}


@pytest.mark.parametrize("name", ["Alice", "", "thinker", "assistant2", "narrator", "\x1b[31m"])
def test_a_row_with_an_unknown_speaker_is_unjudged(name: str) -> None:
    turn = {"role": name, "content": "evil"}
    assert example(ASK, turn, TELL) == Skipped(SkipReason.UNKNOWN_ROLE)
    assert SkipReason.UNKNOWN_ROLE in UNJUDGED


@pytest.mark.parametrize(
    "turn", [{"content": "Hi"}, {"role": None, "content": "Hi"}, {"role": 1, "content": "Hi"}, {}]
)
def test_a_turn_that_does_not_say_who_speaks_is_refused(turn: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"row 0: a message in 'messages' has no role"):
        example(ASK, turn)


@pytest.mark.parametrize(
    "turns",
    [
        [{"user": "Q", "assistant": "A"}],
        [{"human": "Q", "gpt": "A"}],
        [{"human": "Q"}, {"assistant": "A"}],
        [{"input": "Q", "output": "A", "system": ""}],
        [{"question": "Q", "answer": "A", "score": 3}],
        [{"role": "user", "text": "Q"}, {"speaker": "bot", "message": "A"}],
        [{**ASK, "from": None, "value": None, "text": ""}, {**TELL, "value": "A"}],
    ],
)
def test_texts_are_found_under_their_usual_names(turns: list[dict[str, object]]) -> None:
    assert read(*turns) == Conversation([ASK, TELL])


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "A"}],
        [{"type": "text", "value": "A"}],
        [{"type": "text", "content": "A"}],
        [{"type": "output_text", "text": "A", "annotations": []}],
        [{"type": "input_text", "text": "A"}],
        [{"type": "refusal", "refusal": "A"}],
        [{"type": "text", "text": "A", "image_url": None}],
        [{"text": "A"}],
        {"type": "text", "text": "A"},
    ],
)
def test_typed_text_is_text_in_every_spelling(content: object) -> None:
    assert answer({"role": "assistant", "content": content}) == TELL


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "x.png"}},
        {"type": "image"},
        {"type": "input_audio", "input_audio": {"data": "x"}},
        {"type": "video", "text": "a caption"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": None},
        "a text",
        7,
    ],
)
def test_other_parts_make_the_row_unjudged(part: object) -> None:
    parts = [{"type": "text", "text": "A"}, part]
    assert example(ASK, {**TELL, "content": parts}) == Skipped(SkipReason.NOT_TEXT)
    assert example({**ASK, "content": parts}, TELL) == Skipped(SkipReason.NOT_TEXT)


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking", "thought"])
def test_reasoning_reaches_templates_that_read_either_name(key: str) -> None:
    found = answer({**TELL, key: "R"})
    assert found == {**TELL, key: "R", "reasoning_content": "R"}
    typed = [{"type": key, key: "R"}, {"type": "text", "text": "A"}]
    assert answer({**TELL, "content": typed}) == {**TELL, "reasoning_content": "R"}
    assert answer({**TELL, "content": [{"type": key, "value": "R"}]})["content"] == ""


@pytest.mark.parametrize(
    "turn",
    [
        {"content": None, "tool_calls": [CALL]},
        {"content": None, "tool_calls": json.dumps([CALL])},
        {"content": None, "function_call": {"name": "f", "arguments": '{"x": 1}'}},
        {"content": None, "function_call": '{"name": "f", "arguments": {"x": 1}}'},
        {"content": [{"type": "tool_call", "value": '{"name": "f", "arguments": {"x": 1}}'}]},
        {"content": [{"type": "tool_calls", "tool_calls": [CALL]}]},
        {"content": [{"type": "function_call", "name": "f", "arguments": '{"x": 1}'}]},
        {"content": [{"type": "tool_use", "name": "f", "input": {"x": 1}}]},
    ],
)
def test_calls_reach_the_template_as_tool_calls(turn: dict[str, object]) -> None:
    content = turn["content"] and ""  # what is null stays null
    wanted = {"role": "assistant", "content": content, "tool_calls": [CALL]}
    assert answer({"role": "assistant", **turn}) == wanted


def test_calls_in_a_form_of_their_own_stay_as_they_are() -> None:
    assert answer({**TELL, "tool_calls": [{"id": "send"}]})["tool_calls"] == [{"id": "send"}]
    parts = [{"type": "tool_call", "id": "send"}]
    assert example(ASK, {**TELL, "content": parts}) == Skipped(SkipReason.NOT_TEXT)


@pytest.mark.parametrize(
    "calls",
    [
        [{"tool": "f", "tool_input": {"a": "evil"}}],
        [{"type": "custom", "custom": {"name": "f", "input": "evil"}}],
        [{"name": "f", "args": {"a": "evil"}}, {"id": "send"}],
    ],
)
def test_calls_in_a_form_of_their_own_with_text_are_unjudged(calls: list[object]) -> None:
    assert example(ASK, {**TELL, "tool_calls": calls}) == Skipped(SkipReason.UNREAD_TEXT)


def test_a_typed_call_that_is_no_json_stays_text() -> None:
    content = [{"type": "tool_call", "value": "f(x"}]
    assert answer({"role": "assistant", "content": content})["content"] == "f(x"


def test_a_tool_s_result_in_parts_is_its_text() -> None:
    inner = [{"type": "text", "text": "3"}]
    result = {"type": "tool_result", "tool_use_id": "1", "content": inner}
    assert read({**ASK, "content": [result]}, TELL).messages[0] == {**ASK, "content": "3"}


@pytest.mark.parametrize("mark", [0, 0.0, False, "0", "false"])
@pytest.mark.parametrize(
    "key", ["weight", "loss_weight", "train", "training", "train_on_turn", "loss"]
)
def test_turns_that_the_row_excludes_are_no_targets(key: str, mark: object) -> None:
    found = read(ASK, {**TELL, key: mark}, ASK, TELL)
    assert found == Conversation([ASK, TELL, ASK, TELL], untrained=frozenset({1}))
    assert found.target_turns == [3]
    assert read(ASK, {**TELL, key: mark}).target_turns == []


@pytest.mark.parametrize("mark", [1, 1.0, 0.3, True, "1", None])
@pytest.mark.parametrize("key", ["weight", "loss_weight", "train"])
def test_any_other_weight_is_trained_on(key: str, mark: object) -> None:
    assert read(ASK, {**TELL, key: mark}).target_turns == [1]


def test_masked_turns_are_no_targets() -> None:
    assert read(ASK, {**TELL, "masked": True}, ASK, {**TELL, "masked": False}).target_turns == [3]


def test_a_turn_of_which_a_part_is_trained_on_is_a_target() -> None:
    parts = [{"begin_offset": 0, "end_offset": 0, "train": train} for train in (False, True)]
    turns = [ASK, {**TELL, "train_detail": parts}, ASK, {**TELL, "train_detail": parts[:1]}]
    assert read(*turns).target_turns == [1]


@pytest.mark.parametrize("key", ["train", "loss_weight", "training"])
def test_a_row_that_trains_on_another_speaker_is_unjudged(key: str) -> None:
    assert example({**ASK, key: 1}, TELL) == Skipped(SkipReason.TRAINED_PROMPT)
    assert read({**ASK, key: 0}, TELL).target_turns == [1]
    assert SkipReason.TRAINED_PROMPT in UNJUDGED


def test_excluded_turns_keep_their_places_behind_what_comes_before() -> None:
    excluded = {**TELL, "weight": 0}
    fields = {"system": "S", "prompt": [ASK], "completion": [excluded, ASK, TELL]}
    record = Record(0, fields, "row 0")
    found = detect(record).example(record)
    assert isinstance(found, Conversation)
    assert (found.first_target, found.untrained, found.target_turns) == (2, {2}, [4])


@pytest.mark.parametrize(
    "more",
    [
        {"answer": "evil"},
        {"answers": ["evil"]},
        {"Response": "evil"},
        {"notes": "evil"},
        {"value": "another text"},
        {"tool_calls": "evil"},
        {"refusal": "evil"},
    ],
)
def test_text_that_no_naming_accounts_for_makes_the_row_unjudged(more: dict[str, object]) -> None:
    assert example(ASK, {**TELL, **more}) == Skipped(SkipReason.UNREAD_TEXT)
    assert SkipReason.UNREAD_TEXT in UNJUDGED


def test_text_without_a_known_name_does_not_vanish() -> None:
    assert example({"role": "user", "notes": "Q"}, TELL) == Skipped(SkipReason.UNREAD_TEXT)
    assert example(ASK, {"role": "assistant", "answer": "A"}) == Skipped(SkipReason.UNREAD_TEXT)


@pytest.mark.parametrize(
    "more",
    [{"id": "7"}, {"name": "Bob"}, {"model": "m"}, {"message_id": "x"}, {"turn": 3}, {"x": None}],
)
def test_what_describes_a_turn_does_not_matter(more: dict[str, object]) -> None:
    assert read(ASK, {**TELL, **more}).target_turns == [1]
    assert read({**ASK, **more, "notes": "any"}, TELL).target_turns == [1]


def test_a_refusal_without_content_is_what_the_turn_says() -> None:
    assert answer({"role": "assistant", "content": None, "refusal": "No"})["content"] == "No"


@pytest.mark.parametrize("key", ["images", "audio"])
def test_a_turn_with_media_is_not_text(key: str) -> None:
    assert example({**ASK, key: ["x"]}, TELL) == Skipped(SkipReason.NOT_TEXT)
    assert read({**ASK, key: []}, TELL).target_turns == [1]


def test_thoughts_and_calls_of_the_assistant_are_part_of_its_response() -> None:
    called = {"role": "assistant", "content": None, "reasoning": "R", "tool_calls": [CALL]}
    prompt, response = prompt_and_response(read(ASK, called, {"role": "tool", "content": "3"}))
    assert prompt == "Q\n3"
    assert response == 'R\n{"name": "f", "arguments": {"x": 1}}'
    written = {"function": {"name": "f", "arguments": '{"x": "é"}'}}
    text = prompt_and_response(read(ASK, {**TELL, "tool_calls": [written]}))[1]
    assert text == 'A\n{"name": "f", "arguments": {"x": "é"}}'


SENT = {"type": "function", "function": {"name": "f", "arguments": {"a": "evil"}}}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "tool_use", "name": "f", "input": {"a": "evil"}, "text": ""},
        {"type": "tool_use", "name": "f", "input": {"a": "evil"}, "value": " ", "content": []},
        {"type": "function_call", "name": "f", "arguments": '{"a": "evil"}', "text": ""},
        {"type": "tool_call", "name": "f", "args": {"a": "evil"}, "tool_call": {}},
        {"type": "tool_call", "text": "", "tool_call": {"name": "f", "input": {"a": "evil"}}},
        {**SENT, "type": "tool_call", "text": ""},
    ],
)
def test_an_empty_text_beside_a_call_does_not_hide_it(part: dict[str, object]) -> None:
    content = [{"type": "text", "text": "ok"}, part]
    calls = answer({"role": "assistant", "content": content})["tool_calls"]
    assert [call["function"] for call in calls] == [SENT["function"]]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "thinking", "thinking": "R", "text": ""},
        {"type": "thinking", "text": "", "value": None, "reasoning": "R"},
        {"type": "thinking", "thinking": [{"type": "text", "text": "R"}]},
        {"type": "thinking", "thinking": ["R"], "signature": "c2ln"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "R"}], "content": []},
    ],
)
def test_thoughts_in_parts_are_read_in_every_form(part: dict[str, object]) -> None:
    content = [part, {"type": "text", "text": "A"}]
    assert answer({**TELL, "content": content}) == {**TELL, "reasoning_content": "R"}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "ok", "content": "evil"},
        {"type": "text", "text": "ok", "input": {"a": "evil"}},
        {"type": "text", "text": "", "thinking": "evil"},
        {"type": "thinking", "thinking": "ok", "text": "evil"},
        {"type": "tool_use", "name": "f", "input": {"x": 1}, "text": "evil"},
        {"type": "tool_use", "name": "f", "input": {"x": 1}, "args": {"a": "evil"}},
        {"type": "tool_call", "value": '{"name": "f", "arguments": {}}', "tool_call": "evil"},
    ],
)
def test_two_texts_in_a_part_make_the_row_unjudged(part: dict[str, object]) -> None:
    assert example(ASK, {**TELL, "content": [part]}) == Skipped(SkipReason.UNREAD_TEXT)


@pytest.mark.parametrize("key", ["arguments", "input", "parameters", "args"])
def test_arguments_of_a_call_are_read_under_each_of_their_names(key: str) -> None:
    others: dict[str, object] = {name: {} for name in ("arguments", "input", "parameters", "args")}
    for call in ({"name": "f", key: {"a": "evil"}}, {"name": "f", **others, key: {"a": "evil"}}):
        for form in (call, {"type": "function", "function": {k: v for k, v in call.items() if v}}):
            found = answer({**TELL, "tool_calls": [form]})["tool_calls"]
            assert found == [SENT]


@pytest.mark.parametrize(
    "call",
    [
        {"name": "f", "arguments": {"x": 1}, "input": {"b": "evil"}},
        {"name": "f", "params": {"b": "evil"}},
        {"name": "f", "arguments": {"x": 1}, "code": "evil"},
        {"function": {"name": "f", "arguments": {"x": 1}, "body": ["evil"]}},
        {"function": {"name": "f", "arguments": {"x": 1}}, "arguments": {"b": "evil"}},
    ],
)
def test_a_call_that_says_more_than_is_read_makes_the_row_unjudged(call: dict[str, object]) -> None:
    for turn in (
        {"tool_calls": [call]},
        {"tool_calls": json.dumps([call])},
        {"function_call": call},
    ):
        assert example(ASK, {**TELL, **turn}) == Skipped(SkipReason.UNREAD_TEXT)
    part = {**call, "type": "tool_call"}
    assert example(ASK, {**TELL, "content": [part]}) == Skipped(SkipReason.UNREAD_TEXT)


@pytest.mark.parametrize(
    "more",
    [
        {"reasoning_details": [{"type": "reasoning.text", "text": "evil"}]},
        {"thoughts": ["evil"]},
        {"steps": [{"do": "evil"}]},
        {"plan": {"first": {"then": ["evil"]}}},
        {"reasoning": [{"text": "evil"}]},
        {"reasoning_content": ["evil"]},
        {"refusal": ["evil"]},
        {"reasoning": "ok", "thinking": "evil"},
        {"content": [{"type": "thinking", "thinking": "ok"}], "reasoning_content": "evil"},
    ],
)
def test_lists_and_mappings_with_text_count_as_text_does(more: dict[str, object]) -> None:
    assert example(ASK, {**TELL, **more}) == Skipped(SkipReason.UNREAD_TEXT)


@pytest.mark.parametrize(
    "more",
    [
        {"token_ids": [1, 2]},
        {"scores": {"a": 1}},
        {"reasoning_details": []},
        {"metadata": {"topic": "x"}},
        {"origin_of": {"model": "m", "id": "7"}},
    ],
)
def test_lists_and_mappings_without_text_do_not_matter(more: dict[str, object]) -> None:
    assert read(ASK, {**TELL, **more}).target_turns == [1]


def test_speakers_as_keys_with_a_list_beside_them_are_unjudged() -> None:
    assert example({"user": "Q", "assistant": "A", "steps": ["evil"]}) == Skipped(
        SkipReason.UNREAD_TEXT
    )


def test_a_tool_s_null_content_does_not_hide_its_output() -> None:
    result = {"type": "tool_result", "content": None, "output": "o"}
    assert read({**ASK, "content": [result]}, TELL).messages[0] == {**ASK, "content": "o"}
