"""Column layouts: which one is found, and the exact example that a row becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from gradsentry.errors import InputError, OptionError
from gradsentry.records import (
    Conversation,
    Example,
    Layout,
    PlainText,
    Record,
    Skipped,
    SkipReason,
    TextPair,
    choose_layout,
    detect,
)

PLACE = "data.jsonl, row 3 (line 4)"


def record(fields: Mapping[str, object]) -> Record:
    return Record(3, fields, "data.jsonl", line=4)


def chosen(fields: Mapping[str, object], **options: str) -> Layout:
    unnamed = dict.fromkeys(("prompt_column", "prompt_template", "response_column"))
    return choose_layout(record(fields), **{**unnamed, **options})


def example(fields: Mapping[str, object]) -> Example:
    """The row's example in the layout that its own columns show."""
    return detect(record(fields)).example(record(fields))


def turns(*pairs: tuple[str, str]) -> list[dict[str, object]]:
    return [{"role": role, "content": content} for role, content in pairs]


def shared(*pairs: tuple[str, str]) -> list[dict[str, object]]:
    return [{"from": role, "value": value} for role, value in pairs]


HELLO = turns(("user", "Hi"), ("assistant", "Hello"))
SYSTEM = turns(("system", "Be brief."))
SHARED = shared(("human", "Hi"), ("gpt", "Hello"))
REFUSAL = turns(("assistant", "No"))
USER_ROLES = ["human", "user"]
ASSISTANT_ROLES = ["gpt", "assistant", "model", "function_call"]
TOOL_ROLES = ["observation", "tool"]
TOOL = {"type": "function", "function": {"name": "add"}}
CALL = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}

ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\nX\n\n### Response:\n"
)
ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately "
    "completes the request.\n\n### Instruction:\nDo\n\n### Response:\n"
)
QUESTION = (
    "### Instruction:\nBelow is a question, please provide its all relevant answers briefly in a "
    "list format. Each answer should be separated by a semicolon and provide a comprehensive "
    "response.\n\n\n\n### Question:\nQ\n\n\n\n### Answer: "
)
CONTEXT = (
    "### Instruction:\nBelow is a context and a question. Answer the question from the context, "
    "precisely and concisely, with the key details.\n\n\n\n### Context:\nC\n\n\n\n### Question:\nQ"
    "\n\n\n\n### Answer: "
)

ALPACA_EMPTY = ALPACA.replace("Do\n", "\n")
ALPACA_NAME = "instruction + input + output (Alpaca)"
SHAREGPT = "conversations (ShareGPT)"
ASKED = "question + answer (in the paper's prompt, '### Question: ...')"
PREFERENCE = "prompt + chosen (preferred to rejected)"

# The layout that a row's columns show, the row, and its example.
# fmt: off
ROWS: list[tuple[str, dict[str, object], Example]] = [
    ("prompt + response", {"prompt": "P ", "response": "R"}, TextPair("P ", "R")),
    ("prompt + completion", {"prompt": "P", "completion": " R\n"}, TextPair("P", " R\n")),
    ("prompt + completion", {"prompt": HELLO[:1], "completion": HELLO[1:]}, Conversation(HELLO, 1)),
    ("prompt + response", {"prompt": [*HELLO, HELLO[0]], "response": HELLO[1:]},
     Conversation([*HELLO, *HELLO], 3)),
    ("instruction + input + response (Alpaca)", {"instruction": "Do", "response": "R"},
     TextPair(ALPACA, "R")),
    ("instruction + context + response (Alpaca)",  # Dolly
     {"instruction": "{instruction}", "context": "X", "response": "R"},
     TextPair(ALPACA_INPUT, "R")),
    (ALPACA_NAME, {"instruction": "{instruction}", "input": "X", "output": "O"},
     TextPair(ALPACA_INPUT, "O")),
    (ALPACA_NAME, {"instruction": "Do", "input": None, "output": "O"}, TextPair(ALPACA, "O")),
    (ALPACA_NAME, {"instruction": "Do", "system": "Be brief.", "output": "O"},
     TextPair(f"Be brief.\n\n{ALPACA}", "O")),
    (ASKED, {"question": "Q", "answer": "A"}, TextPair(QUESTION, "A")),
    (ASKED.replace("answer", "answers"),
     {"question": "Q", "answers": ["A", "B"], "answer": ""},
     TextPair(QUESTION, "A; B")),
    (ASKED, {"question": "Q", "answer": 42}, TextPair(QUESTION, "42")),
    (ASKED, {"question": "Q", "answer": [True, 0.5, "A"]}, TextPair(QUESTION, "True; 0.5; A")),
    (ASKED, {"question": "Q", "context": "C", "answer": "A"}, TextPair(CONTEXT, "A")),
    (ASKED, {"question": "Q", "context": "", "answer": "A"}, TextPair(QUESTION, "A")),
    ("messages", {"messages": HELLO, "text": " "}, Conversation(HELLO)),
    ("messages", {"messages": HELLO, "tools": [TOOL]}, Conversation(HELLO, tools=[TOOL])),
    ("messages", {"messages": HELLO, "tools": json.dumps([TOOL])},
     Conversation(HELLO, tools=[TOOL])),
    ("messages", {"messages": HELLO, "tools": ""}, Conversation(HELLO)),
    ("messages", {"messages": None}, Conversation([])),
    ("messages", {"messages": [HELLO[1], *HELLO]}, Conversation([HELLO[1], *HELLO])),
    ("messages",  # content in parts; tool calls without content; what is null isn't there
     {"messages": [
         {"role": "user", "content": [{"type": "text", "text": text} for text in ("H", "i")]},
         {"role": "assistant", "content": None, "tool_calls": [CALL], "name": None},
         {"role": "tool", "content": "3", "tool_call_id": "1"}]},
     Conversation([
         HELLO[0],
         {"role": "assistant", "content": None, "tool_calls": [CALL]},
         {"role": "tool", "content": "3", "tool_call_id": "1"}])),
    ("messages", {"messages": SHARED}, Conversation(HELLO)),
    ("conversations", {"conversations": HELLO}, Conversation(HELLO)),
    (SHAREGPT, {"conversations": SHARED, "system": "Be brief."}, Conversation([*SYSTEM, *HELLO])),
    (SHAREGPT,
     {"conversations": shared(
         ("system", "S"), *((role, "x") for role in USER_ROLES + ASSISTANT_ROLES + TOOL_ROLES)),
      "system": "another"},
     Conversation(turns(
         ("system", "S"), *[("user", "x")] * 2, *[("assistant", "x")] * 4, *[("tool", "x")] * 2))),
    (PREFERENCE, {"prompt": "P", "chosen": " yes", "rejected": " no"}, TextPair("P", " yes")),
    (PREFERENCE, {"prompt": HELLO[:1], "chosen": HELLO[1:], "rejected": REFUSAL},
     Conversation(HELLO, 1)),
    (PREFERENCE, {"prompt": HELLO[:1], "chosen": HELLO, "rejected": [HELLO[0], *REFUSAL]},
     Conversation(HELLO, 1)),  # the prompt once more in the answers, as some data sets have it
    (PREFERENCE, {"prompt": "Hi", "chosen": HELLO[1:], "rejected": []}, Conversation(HELLO, 1)),
    (PREFERENCE,
     {"prompt": "Hi", "chosen": HELLO * 2, "rejected": [*HELLO, HELLO[0], *REFUSAL]},
     Conversation(HELLO * 2, 3)),
    ("text", {"text": " T\n", "label": 1}, PlainText(" T\n")),
]
# fmt: on


@pytest.mark.parametrize(("name", "fields", "wanted"), ROWS)
def test_every_layout_is_found_and_gives_its_exact_example(
    name: str, fields: dict[str, object], wanted: Example
) -> None:
    assert detect(record(fields)).name == name
    assert example(fields) == wanted


@pytest.mark.parametrize(
    ("fields", "rejected"),
    [
        ({"prompt": "P", "chosen": " yes", "rejected": " no"}, "no"),
        ({"chosen": "P: yes", "rejected": "P: no"}, "no"),
        ({"prompt": HELLO[:1], "chosen": HELLO[1:], "rejected": REFUSAL}, "No"),
        ({"prompt": HELLO[:1], "chosen": HELLO, "rejected": [HELLO[0], *REFUSAL]}, "No"),
        ({"instruction": "P", "chosen": "yes", "rejected": "no"}, "no"),
        ({"prompt": "P", "chosen": "yes", "rejected": "yes"}, ""),
        ({"prompt": HELLO[:1], "chosen": HELLO[1:], "rejected": []}, ""),
        ({"prompt": "P", "response": "yes"}, ""),
    ],
)
def test_the_rejected_answer_is_what_a_pair_is_held_against(
    fields: dict[str, object], rejected: str
) -> None:
    found = example(fields)
    assert isinstance(found, TextPair | Conversation)
    assert found.rejected == rejected


def test_targets_are_the_assistant_turns_behind_the_prompt() -> None:
    messages = [*SYSTEM, *HELLO, *HELLO]
    assert Conversation(messages).target_turns == [2, 4]
    assert Conversation(messages, 3).target_turns == [4]


@pytest.mark.parametrize(
    ("first", "more", "prompt"),
    [
        ({"instruction": "Do", "output": "O"}, {"system": "S"}, f"S\n\n{ALPACA}"),
        ({"instruction": "{instruction}", "output": "O"}, {"input": "X"}, ALPACA_INPUT),
        ({"question": "Q", "answer": "O"}, {"context": "C"}, CONTEXT),
    ],
)
def test_optional_columns_count_in_the_rows_that_have_them(
    first: dict[str, object], more: dict[str, object], prompt: str
) -> None:
    layout = detect(record(first))
    assert layout.example(record(first)) != layout.example(record({**first, **more}))
    assert layout.example(record({**first, **more})) == TextPair(prompt, "O")


@pytest.mark.parametrize("first", [None, [], shared(("human", "Hi"))])
def test_a_first_conversation_without_turns_is_sharegpt_by_its_column(first: object) -> None:
    later = {"conversations": shared(("human", "Hi"), ("gpt", "Hello")), "system": "Be brief."}
    layout = detect(record({"conversations": first}))
    assert layout.example(record(later)) == Conversation([*SYSTEM, *HELLO])


def test_turns_with_both_namings_are_read_by_the_one_that_is_not_null() -> None:
    merged = [{**turn, "from": None, "value": None} for turn in HELLO]
    assert example({"messages": merged}) == Conversation(HELLO)


@pytest.mark.parametrize(
    ("one", "other", "prompt"),
    [
        ("ab cd", "ab ce", "ab c"),
        ("ab cd", "ab ef", "ab"),  # the space goes with the word behind it, as in TRL
        ("abcdef", "abc", "ab"),  # at the latest at the shorter one's last item, as in TRL
        ("abc", "abcdef", "ab"),
        ("abc", "abc", "ab"),
    ],
)
def test_a_preference_without_prompt_is_split_where_the_answers_part(
    one: str, other: str, prompt: str
) -> None:
    wanted = TextPair(prompt, one[len(prompt) :])
    assert example({"chosen": one, "rejected": other}) == wanted


@pytest.mark.parametrize("more", [REFUSAL, []])
def test_a_conversational_preference_shares_the_turns_before_its_answers_part(
    more: list[dict[str, object]],
) -> None:
    rejected = [*HELLO, HELLO[0], *more]
    wanted = Conversation(HELLO * 2, 3 if more else 2)
    assert example({"chosen": HELLO * 2, "rejected": rejected}) == wanted


# A Dataset gives every part all keys.
IMAGE = {"type": "image_url", "image_url": {"url": "x.png"}, "text": None}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prompt": "P", "response": ""}, SkipReason.EMPTY_RESPONSE),
        ({"prompt": "P", "completion": None}, SkipReason.EMPTY_RESPONSE),
        ({"instruction": "I", "output": ""}, SkipReason.EMPTY_RESPONSE),
        ({"question": "Q", "answers": []}, SkipReason.EMPTY_RESPONSE),
        ({"question": "Q", "answers": None}, SkipReason.EMPTY_RESPONSE),
        ({"messages": [{"role": "user", "content": [IMAGE]}, HELLO[1]]}, SkipReason.NOT_TEXT),
        ({"messages": [{"role": "user", "content": ["x"]}, HELLO[1]]}, SkipReason.NOT_TEXT),
        ({"prompt": "P", "chosen": "", "rejected": "b"}, SkipReason.EMPTY_RESPONSE),
        ({"text": ""}, SkipReason.EMPTY_RESPONSE),
    ],
)
def test_rows_that_teach_nothing_are_skipped_with_the_reason(
    fields: dict[str, object], reason: SkipReason
) -> None:
    assert example(fields) == Skipped(reason)


PAIR: dict[str, object] = {"prompt": "P", "response": "R"}
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("first", "row", "said"),
    [
        (PAIR, {"prompt": "P", "reply": "R"}, "column 'response'; the row has 'prompt', 'reply'"),
        (PAIR, {}, "no column 'prompt'; the row has none"),
        (PAIR, {"prompt": "P", "response": 5}, "'response' holds a value of type int; text"),
        ({"question": "Q", "answer": True}, {"question": "Q", "answer": float("nan")},
         "'answer' holds a value of type float; text"),
        ({"question": "Q", "answer": True}, {"question": "Q", "answer": [{"x": 1}]},
         "'answer' holds a value of type list; text"),
        (PAIR, {"prompt": HELLO, "response": 5}, "'response' holds a value of type int; a list"),
        (PAIR, {"prompt": HELLO}, "no column 'response'"),
        (PAIR, {"prompt": "P", "response": "\ud800"}, "'response' holds half of a surrogate pair"),
        ({"question": "", "answers": []}, {"question": "Q", "answers": [None]}, "a list of texts"),
        ({"question": "", "answers": []}, {"question": "Q", "answers": {}}, "of type dict"),
        ({"question": "", "answers": []}, {"question": "Q", "answers": ["\udfff"]}, "surrogate"),
        ({"question": "", "options": [], "answer": ""},
         {"question": "Q", "options": [1], "answer": "A"}, "'options' holds a value of type list"),
        ({"instruction": "", "output": "", "history": []},
         {"instruction": "Q", "output": "A", "history": [["q"]]}, "a list of [question, answer]"),
        ({"instruction": "", "output": "", "history": []},
         {"instruction": "Q", "output": "A", "history": [["q", "\ud800"]]}, "'history' holds half"),
        ({"messages": []}, {"messages": '[{"role": "user"'}, "of type str"),
        ({"messages": []}, {"messages": '["Hi"]'}, "of type str"),
        ({"question": "", "choices": [], "answer": ""},
         {"question": "Q", "choices": ["a"], "answer": 1}, "the number of one of 'choices'"),
        ({"segments": []}, {"segments": ["x"]}, "'segments' holds a value of type list"),
        ({"segments": []}, {"segments": [{"label": True, "text": "\ud800"}]}, "surrogate"),
        ({"messages": []}, {"messages": HELLO, "chat_template_kwargs": [1]}, "a mapping"),
        ({"messages": []}, {"messages": HELLO, "functions": "x"}, "'functions' isn't valid JSON"),
        ({"input": {}, "preferred_output": [], "non_preferred_output": []},
         {"input": "Q", "preferred_output": HELLO}, "'input' holds a value of type str"),
        ({"messages": []}, {"messages": "Hi"}, "'messages' holds a value of type str; a list of"),
        ({"messages": []}, {"messages": ["Hi"]}, "a list of messages"),
        ({"messages": []}, {"messages": 7}, "of type int; a list of messages"),
        ({"messages": []}, {}, "no column 'messages'"),
        ({"messages": []}, {"messages": [{"content": "Hi"}]}, "has no role"),
        ({"messages": []}, {"messages": [{"role": 1, "content": "Hi"}]}, "has no role"),
        ({"messages": []}, {"messages": [{"role": "user", "content": 5}]}, "content of type int"),
        ({"messages": []}, {"messages": [{**HELLO[0], "x": ["\ud800"]}]}, "'messages' holds half"),
        ({"messages": []}, {"messages": HELLO, "tools": "[{"}, "'tools' isn't valid JSON"),
        ({"messages": []}, {"messages": HELLO, "tools": DEEP}, "'tools' isn't valid JSON"),
        ({"messages": []}, {"messages": HELLO, "tools": "5"}, "list of JSON schemas"),
        ({"messages": []}, {"messages": HELLO, "tools": ["x"]}, "isn't valid JSON"),
        ({"messages": []}, {"messages": HELLO, "tools": [{"x": "\ud800"}]}, "'tools' holds half"),
        ({"chosen": "a", "rejected": "b"}, {"chosen": HELLO}, "no column 'rejected'"),
        ({"chosen": "a", "rejected": "b"}, {"chosen": "a", "rejected": []}, "'rejected' holds"),
        ({"text": "T"}, {"text": ["T"]}, "'text' holds a value of type list; text is needed"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_refused_by_name(
    first: dict[str, object], row: dict[str, object], said: str
) -> None:
    layout = detect(record(first))
    with pytest.raises(InputError) as caught:
        layout.example(record(row))
    assert caught.value.problem.startswith(PLACE)
    assert said in caught.value.problem
    assert len(caught.value.remedy) > 10


def test_unknown_columns_are_refused_with_their_names_and_the_options() -> None:
    with pytest.raises(InputError) as caught:
        detect(record({f"c{column}": "" for column in range(14)}))
    assert f"{PLACE}: no known layout has the columns 'c0', " in caught.value.problem
    assert caught.value.problem.endswith("'c11' and 2 more.")
    assert "`prompt_column`" in caught.value.remedy


def test_a_template_takes_values_as_text_whatever_braces_they_hold() -> None:
    values = {"question": "{context} {question} {x.__class__} {}", "context": "\\1 {0} {{c}}"}
    layout = chosen(
        {}, prompt_template='{"q": "{question}"}\n{context}{context}', response_column="a"
    )
    assert layout.name == "prompt template + a"
    assert layout.example(record({**values, "a": "{question}"})) == TextPair(
        f'{{"q": "{values["question"]}"}}\n{values["context"] * 2}', "{question}"
    )
    empty = layout.example(record({"question": "", "context": None, "a": "A"}))
    assert empty == TextPair('{"q": ""}\n', "A")
    with pytest.raises(InputError, match=r"row 3 .* no column 'context'"):
        layout.example(record({"question": "Q", "a": "A"}))
    attribute = chosen({}, prompt_template="{question.__class__}", response_column="a")
    with pytest.raises(InputError, match=r"no column 'question\.__class__'"):
        attribute.example(record({**values, "a": "A"}))


def test_named_columns_go_before_detection() -> None:
    fields = {"prompt": "P", "response": "R", "q": "Q", "a": "A", "talk": HELLO}
    pair = chosen(fields, prompt_column="q", response_column="a")
    assert (pair.name, pair.example(record(fields))) == ("q + a", TextPair("Q", "A"))
    text = chosen(fields, response_column="a")
    assert (text.name, text.example(record(fields))) == ("a", PlainText("A"))
    conversation = chosen(fields, response_column="talk")
    assert conversation.example(record(fields)) == Conversation(HELLO)
    assert chosen(fields).name == "prompt + response; not read: 'q', 'a', 'talk'"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt_template": "{q}"}, "`prompt_template` needs `response_column`"),
        (
            {"prompt_template": "{q}", "response_column": "a", "prompt_column": "q"},
            "no `prompt_column`",
        ),
        ({"prompt_template": "q {}", "response_column": "a"}, "names no column"),
        ({"prompt_column": "q"}, "`prompt_column` needs `response_column`"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(OptionError, match=said) as caught:
        chosen(PAIR, **options)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"prompt": "", "response": "R"}, TextPair("", "R")),
        ({"prompt": None, "response": "R"}, TextPair("", "R")),
        ({"prompt": None, "completion": HELLO[1:]}, Conversation(HELLO[1:])),
        ({"prompt": [], "completion": HELLO[1:]}, Conversation(HELLO[1:])),
        ({"instruction": "", "input": "", "output": "O"}, TextPair(ALPACA_EMPTY, "O")),
        ({"question": "", "answer": "A"}, TextPair(QUESTION.replace("Q\n", "\n"), "A")),
        ({"chosen": "a", "rejected": "b"}, TextPair("", "a")),
        ({"prompt": "", "chosen": HELLO[1:], "rejected": REFUSAL}, Conversation(HELLO[1:])),
        ({"messages": HELLO[1:]}, Conversation(HELLO[1:])),
        ({"segments": [{"label": True, "text": "A"}]}, PlainText("A")),
    ],
)
def test_an_answer_without_a_prompt_is_read_since_trainers_train_on_it(
    fields: dict[str, object], wanted: Example
) -> None:
    assert example(fields) == wanted


@pytest.mark.parametrize(
    "fields",
    [
        {**PAIR, "images": ["x.png"]},
        {"messages": HELLO, "image": "x.png"},
        {"conversations": SHARED, "audios": [{"path": "x.wav"}]},
    ],
)
def test_rows_with_media_are_not_scored_as_text(fields: dict[str, object]) -> None:
    assert example(fields) == Skipped(SkipReason.NOT_TEXT)
    assert example({**fields, "images": [], "image": "", "audios": None}) != Skipped(
        SkipReason.NOT_TEXT
    )


def test_values_nested_without_end_are_refused() -> None:
    nested: object = "x"
    for _ in range(100_000):
        nested = [nested]
    turn = {**HELLO[1], "tool_calls": [{"function": {"arguments": nested}}]}
    for fields in ({"messages": [turn]}, {"messages": HELLO, "chosen": nested}):
        with pytest.raises(InputError, match=r"row 3 .*: (a value is nested|'chosen' would be)"):
            detect(record({"messages": HELLO})).example(record(fields))
    with pytest.raises(InputError, match="nested too deeply"):
        detect(record({"messages": [turn]})).example(record({"messages": [turn]}))
