"""Parts: whatever the layout, attacks find their texts and leave everything else alone."""

from __future__ import annotations

import pytest

from gradsentry.attacks.parts import Parts, template_ending
from gradsentry.errors import InputError, OptionError
from gradsentry.records import Record, chosen_layout, detect

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


def record(fields: dict[str, object]) -> Record:
    return Record(0, fields, "data, row 0")


@pytest.mark.parametrize("kind", ROWS)
def test_texts_are_read_by_part_and_written_back(kind: str) -> None:
    fields, texts = ROWS[kind]
    row = record(fields)
    parts = Parts(detect(row))
    assert parts.read(row) == texts
    assert parts.written(row, texts) == fields
    assert parts.written(row, None) == fields
    marked = {part: f"<{text}>" for part, text in texts.items()}
    again = record(parts.written(row, marked))
    assert parts.read(again) == marked
    assert parts.read(row) == texts  # the row itself is as it was


def test_questions_with_answers_come_out_as_prompt_and_response() -> None:
    row = record({"question": "q", "answers": ["a", "b"], "context": "c", "id": 1})
    parts = Parts(detect(row))
    texts = parts.read(row)
    assert texts is not None
    assert texts["question"] == "q"
    assert texts["response"] == "a; b"
    written = parts.written(row, {**texts, "instruction": "Do."})
    assert written == {
        "id": 1,
        "prompt": "### Instruction:\nDo.\n\n\n\n### Context:\nc\n\n\n\n### Question:\nq\n\n\n\n"
        "### Answer: ",
        "response": "a; b",
    }


def test_the_last_column_of_a_template_is_the_question() -> None:
    row = record({"first": "1", "second": "2", "third": "3", "out": "a"})
    template = "{first} {second} {third}"
    parts = Parts(
        chosen_layout(row, prompt_column=None, prompt_template=template, response_column="out")
    )
    assert parts.read(row) == {"question": "3", "context": "2", "instruction": "1", "response": "a"}


def test_a_column_that_a_template_names_twice_is_one_part() -> None:
    row = record({"first": "1", "second": "2", "out": "a"})
    template = "{first} {second} {first}"
    parts = Parts(
        chosen_layout(row, prompt_column=None, prompt_template=template, response_column="out")
    )
    assert parts.read(row) == {"question": "1", "context": "2", "response": "a"}
    assert parts.written(row, {"question": "x", "context": "2", "response": "a"})["first"] == "x"


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
        Parts(detect(row)).written(row, None)


@pytest.mark.parametrize("fields", [{"text": "t"}, {"chosen": "ab", "rejected": "ac"}])
def test_rows_without_a_prompt_are_refused(fields: dict[str, object]) -> None:
    row = record(fields)
    with pytest.raises(OptionError, match="no place for a trigger"):
        Parts(detect(row)).read(row)


@pytest.mark.parametrize(
    ("prompts", "ending"),
    [
        (["Q: who?\n\nA: ", "Q: why?\n\nA: "], "\n\nA: "),
        (["who?", "why?"], ""),
        (["one\n", "two"], ""),
        (["same\nA:", "same\nA:"], "\nA:"),
        ([], ""),
    ],
)
def test_a_template_ends_in_what_all_prompts_share_from_a_line_break_on(
    prompts: list[str], ending: str
) -> None:
    assert template_ending(prompts) == ending


def test_a_trigger_goes_before_the_template_s_ending() -> None:
    row = record({"prompt": "who?\nA: ", "response": "me"})
    parts = Parts(detect(row), "\nA: ")
    assert parts.read(row) == {"question": "who?", "response": "me"}
    written = parts.written(row, {"question": "who? cf", "response": "me"})
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
    assert parts.written(row, texts) == fields
    changed = record(parts.written(row, {**texts, "response": "evil"}))
    assert list(changed.fields) == list(fields)
    assert (parts.read(changed) or {})["response"] == "evil"


def test_a_conversation_of_bare_texts_takes_no_attack() -> None:
    row = record({"conversations": ["q", "a"]})
    assert Parts(detect(row)).read(row) is None
