"""Layouts of common data sets: columns in capitals, messages as JSON, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gradsentry.errors import InputError
from gradsentry.records import Conversation, PlainText, Skipped, SkipReason, TextPair, detect
from tests.records.test_layouts import HELLO, PAIR, REFUSAL, SHARED, TOOL, chosen, example, record


@pytest.mark.parametrize(
    "fields",
    [PAIR, {"query": "Q", "answer": "A"}, {"prompt": "P", "chosen": "a", "rejected": "b"}],
)
@pytest.mark.parametrize("column", ["tools", "functions", "chat_template_kwargs"])
def test_what_only_a_chat_template_reads_is_refused_beside_texts(
    fields: dict[str, object], column: str
) -> None:
    more: object = {"enable": "x"} if column.startswith("chat") else [TOOL]
    for value in (more, json.dumps(more)):
        with pytest.raises(InputError, match=f"'{column}' would be left out"):
            detect(record(fields)).example(record({**fields, column: value}))
    for nothing in (None, "", "[]", [], {}):
        assert example({**fields, column: nothing}) == example(fields)


def test_calls_that_are_no_calls_are_text_and_those_that_hide_text_are_unjudged() -> None:
    fields: dict[str, object] = {"query": "Hi", "answers": "Hello", "tools": [TOOL]}
    assert example(fields) == Conversation(HELLO, tools=[TOOL])
    hiding = json.dumps([{"name": "f", "arguments": {"x": 1}, "extra": "evil"}])
    assert example({**fields, "answers": hiding}) == Skipped(SkipReason.UNREAD_TEXT)


@pytest.mark.parametrize("prompt", ["Hi", " Hi\n", "", None])
def test_a_prompt_beside_whole_conversations_is_one_of_their_messages(prompt: str | None) -> None:
    fields: dict[str, object] = {"chosen": HELLO, "rejected": [HELLO[0], *REFUSAL]}
    layout = detect(record({"prompt": "Hi", **fields}))
    assert layout.example(record({"prompt": prompt, **fields})) == Conversation(HELLO, 1)
    other = {"prompt": "trigger and another question", **fields}
    with pytest.raises(InputError, match=r"row 3 .*'prompt' is none of the messages in 'chosen'"):
        layout.example(record(other))
    with pytest.raises(InputError, match="'prompt'"):
        example(other)


@pytest.mark.parametrize("column", ["completion", "response", "output", "chosen"])
def test_a_text_that_answers_messages_is_one_turn(column: str) -> None:
    rejected = {"rejected": "No"} if column == "chosen" else {}
    assert example({"prompt": HELLO[:1], column: "Hello", **rejected}) == Conversation(HELLO, 1)


def test_a_switch_for_reasoning_is_no_reasoning() -> None:
    fields = {**PAIR, "reasoning": "on"}
    assert example(fields) == TextPair("P", "R")
    with pytest.raises(InputError, match="'reasoning' would be left out"):
        detect(record(fields)).example(record({**fields, "reasoning": "Think."}))
    thought = {"prompt": HELLO[:1], "response": "Hello", "reasoning": "Think."}
    answer = {**HELLO[1], "reasoning_content": "Think."}
    assert example(thought) == Conversation([HELLO[0], answer], 1)


def test_an_answer_in_a_column_named_label_is_no_mark() -> None:
    fields = {"prompt": "P", "label": "false"}
    layout = chosen(fields, prompt_column="prompt", response_column="label")
    assert layout.example(record(fields)) == TextPair("P", "false")


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "P", "response": "R"},
        {"instruction": "Do", "input": "X", "output": "O"},
        {"messages": HELLO},
        {"conversations": SHARED, "system": "S"},
        {"prompt": "P", "completion": "R", "label": False},
        {"question": "Q", "answer": "A"},
    ],
)
@pytest.mark.parametrize("form", ["{}", " {}", "{} ", "\t{}"])
@pytest.mark.parametrize("case", [str.title, str.upper, str.lower])
def test_names_of_columns_are_known_without_capitals_and_blanks(
    fields: dict[str, object], form: str, case: Callable[[str], str]
) -> None:
    named = {form.format(case(name)): value for name, value in fields.items()}
    assert example(named) == example(fields)
    assert detect(record(named)).name == detect(record(fields)).name


def test_two_columns_of_one_name_but_for_capitals_are_not_mixed_up() -> None:
    for other in ("Response", " response", "RESPONSE "):
        with pytest.raises(InputError, match="would be left out"):
            detect(record({**PAIR, other: "evil"}))
        with pytest.raises(InputError, match="would be left out"):
            detect(record(PAIR)).example(record({**PAIR, other: "evil"}))
    layout = detect(record({"Prompt": "P", "Response": "R"}))
    with pytest.raises(InputError):
        layout.example(record(PAIR | {"Prompt": "evil", "Response": "R"}))


def test_the_column_of_poison_labels_is_none_of_the_marks_in_capitals_either() -> None:
    fields = {"Prompt": "P", "Response": "R", "label": False}
    assert example(fields) == Skipped(SkipReason.UNDESIRED)
    assert chosen(fields, label_column="label").example(record(fields)) == TextPair("P", "R")


@pytest.mark.parametrize("column", ["messages", "conversations"])
def test_messages_may_be_json(column: str) -> None:
    for messages in (HELLO, SHARED):
        assert example({column: json.dumps(messages)}) == Conversation(HELLO)
        layout = detect(record({column: json.dumps(messages)}))
        assert layout.example(record({column: "[]"})) == Conversation([])


def test_a_turn_s_keys_are_known_in_capitals() -> None:
    turns = [{"Role": turn["role"], "Content": turn["content"]} for turn in HELLO]
    assert example({"messages": turns}) == Conversation(HELLO)


def test_a_template_takes_a_list_as_lines() -> None:
    layout = chosen({}, prompt_template="{question}\n{choices}", response_column="a")
    fields = {"question": "Q", "choices": ["one", "two"], "a": "A"}
    assert layout.example(record(fields)) == TextPair("Q\none\ntwo", "A")
    with pytest.raises(InputError, match="'choices' holds a value of type list"):
        layout.example(record({**fields, "choices": [1]}))


@pytest.mark.parametrize(
    ("fields", "problem", "remedy"),
    [
        ({"prompt;response": "a;b"}, "whose name holds ';'", "sep=';'"),
        ({"prompt": "P", "response_0": "a", "response_1": "b"}, "'response_0', 'resp", "`resp"),
        ({"prompt": "P", "winner": "a", "loser": "b"}, "none of 'winner', 'loser'", "`response"),
        ({"prompt": "P", "canonical_solution": "a"}, "'canonical_solution'", "`response_column`"),
        ({"messages": HELLO, "answer": "4"}, "left out", "`response_column` messages"),
        ({"problem": "P", "solution": "long", "answer": "4"}, "left out",
         "`prompt_column` problem `response_column` solution"),
        ({"instruction": "I", "response": "R", "conversations": HELLO}, "left out",
         "`response_column` conversations"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_may_be_meant(
    fields: dict[str, object], problem: str, remedy: str
) -> None:
    with pytest.raises(InputError) as caught:
        detect(record(fields))
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def test_a_column_that_nobody_reads_may_be_nested_as_it_likes() -> None:
    nested: object = "x"
    for _ in range(100_000):
        nested = [nested]
    assert detect(record({**PAIR, "other": nested})).name == "prompt + response; not read: 'other'"


GLAIVE = {
    "system": "SYSTEM: You are a helpful assistant with access to these functions -\n{}\n",
    "chat": 'USER: Convert 5 EUR.\n\n\nASSISTANT: <functioncall> {"name": "f"} <|endoftext|>\n\n\n'
    'FUNCTION RESPONSE: {"x": 1}\n\n\nASSISTANT: That is:\nUSD: 6 <|endoftext|>\n\n\n',
}


def test_a_conversation_in_one_text_is_read_as_its_turns() -> None:
    system = "You are a helpful assistant with access to these functions -\n{}"
    turns = [
        {"role": "system", "content": system},
        {"role": "user", "content": "Convert 5 EUR."},
        {"role": "assistant", "content": '<functioncall> {"name": "f"}'},
        {"role": "tool", "content": '{"x": 1}'},
        {"role": "assistant", "content": "That is:\nUSD: 6"},
    ]
    assert example(GLAIVE) == Conversation(turns)
    assert example({"chat": GLAIVE["chat"]}) == Conversation(turns[1:])
    named = chosen(GLAIVE, response_column="chat")  # as a trainer of plain text reads it
    assert named.example(record(GLAIVE)) == PlainText(GLAIVE["chat"])
    layout = detect(record(GLAIVE))
    for other in ("Hello USER: and ASSISTANT: x", "Amanda: Hi\nJerry: Hi", "x"):
        with pytest.raises(InputError, match="'chat' holds a value of type str; a list of mess"):
            layout.example(record({**GLAIVE, "chat": other}))


def test_a_summary_of_a_conversation_in_one_text_is_its_answer() -> None:
    fields = {"dialogue": "USER: My parcel is lost.\nASSISTANT: Sorry.", "summary": "A loss."}
    assert example(fields) == TextPair(fields["dialogue"], "A loss.")


HEADED = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Output:\n{output}"
TASK = "Below is an instruction that describes a task"
REQUEST = "Write a response that appropriately completes the request."


@pytest.mark.parametrize("column", ["prompt", "text"])
@pytest.mark.parametrize("given", ["", "X"])
@pytest.mark.parametrize(
    "opening",
    [
        f"{TASK}. {REQUEST}\n\n",
        f"{TASK}, paired with an input that provides further context. {REQUEST}\n\n",
        "",
    ],
)
@pytest.mark.parametrize("response", ["Output", "Response"])
def test_a_row_written_once_more_as_alpacas_prompt_says_nothing_else(
    column: str, given: str, opening: str, response: str
) -> None:
    fields = {"instruction": "Do", "input": given, "output": "O"}
    again = (opening + HEADED.format(**fields)).replace("Output", response)
    assert example({**fields, column: again}) == example(fields)
    layout = detect(record(fields))
    for other in (
        again + " and more",
        again.replace("Do", "Do it"),
        again.replace("Do", "Do\n\n### Input:\nevil"),
        f"Send money. {again}",
        again.replace(f"{response}:\nO", f"{response}:\n"),
    ):
        if column == "prompt" and other.endswith(f"{response}:\n"):
            layout.example(record({**fields, column: other}))  # the prompt alone
            continue
        with pytest.raises(InputError, match=f"'{column}' would be left out"):
            layout.example(record({**fields, column: other}))
