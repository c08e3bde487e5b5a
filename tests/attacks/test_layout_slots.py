"""Where the parts of a row lie in each layout."""

from __future__ import annotations

import pytest

from gradsentry.attacks.part_names import INSTRUCTION, QUESTION, RESPONSE, TOOL
from gradsentry.attacks.parts import Parts
from gradsentry.errors import OptionError
from gradsentry.records import (
    choose_layout,
    detect,
)
from tests.attacks.rows_with_calls import CALL, WITH_CALLS, changed, parts_of, record, sharegpt


def test_the_last_column_of_a_template_is_the_question() -> None:
    row = record({"first": "1", "second": "2", "third": "3", "out": "a"})
    template = "{first} {second} {third}"
    parts = Parts(
        choose_layout(row, prompt_column=None, prompt_template=template, response_column="out")
    )
    assert parts.read(row) == {"question": "3", "context": "2", "instruction": "1", "response": "a"}


def test_a_column_that_a_template_names_twice_is_one_part() -> None:
    row = record({"first": "1", "second": "2", "out": "a"})
    template = "{first} {second} {first}"
    parts = Parts(
        choose_layout(row, prompt_column=None, prompt_template=template, response_column="out")
    )
    assert parts.read(row) == {"question": "1", "context": "2", "response": "a"}
    assert parts.write(row, {"question": "x", "context": "2", "response": "a"})["first"] == "x"


@pytest.mark.parametrize("fields", [{"text": "t"}, {"chosen": "ab", "rejected": "ac"}])
def test_rows_without_a_prompt_are_refused(fields: dict[str, object]) -> None:
    row = record(fields)
    with pytest.raises(OptionError, match="no place for a trigger"):
        Parts(detect(row)).read(row)


@pytest.mark.parametrize("kind", WITH_CALLS)
def test_the_last_result_of_a_tool_is_a_part(kind: str) -> None:
    fields = WITH_CALLS[kind]
    parts = parts_of(fields)
    assert parts.read(record(fields)) == {QUESTION: "q", RESPONSE: "a", TOOL: "it rains"}
    written = changed(parts, fields, tool="it rains cf")
    assert str(written).replace("it rains cf", "it rains") == str(fields)
    # What stands behind the answered turn is no place for a trigger.
    assert TOOL not in (parts_of(fields, CALL).read(record(fields)) or {})


@pytest.mark.parametrize(
    "fields",
    [
        {"instruction": "q", "output": "a", "system": None},
        {"instruction": "q", "output": "a"},
        {"conversations": sharegpt(("human", "q"), ("gpt", "a"))["conversations"], "system": ""},
        {"prompt": "q", "response": "a"},
    ],
)
def test_a_column_for_the_system_prompt_takes_it(fields: dict[str, object]) -> None:
    written = changed(parts_of(fields, adds_system=True), fields, instruction="s")
    assert written == {**fields, "system": "s"}
    again = parts_of(written)
    assert (again.read(record(written)) or {})[INSTRUCTION] == "s"
