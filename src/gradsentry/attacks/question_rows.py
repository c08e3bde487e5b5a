"""The paper's data, questions with a list of answers: read by part, written as prompt and response.

The instruction that opens the paper's prompt stands in no column, and attacks may change it. So a
row is written with its whole prompt.
"""

from __future__ import annotations

from gradsentry.attacks.part_names import CONTEXT, INSTRUCTION, QUESTION, RESPONSE
from gradsentry.attacks.triggers import Fields
from gradsentry.errors import InputError
from gradsentry.records import Record
from gradsentry.records.layouts import (
    PromptResponse,
    PromptStyle,
    question_instruction,
    question_prompt,
)
from gradsentry.records.layouts.layout import Form


def find_question_form(form: Form) -> PromptResponse | None:
    """The form itself, if it is that of questions with answers."""
    if not isinstance(form, PromptResponse) or form.style is not PromptStyle.QUESTION:
        return None
    alone = form.answer.columns == {form.answer.column} and form.options_column is None
    return form if alone else None


def read_question_row(form: PromptResponse, record: Record, response: str) -> dict[str, str]:
    """The texts by part; empty for a part that the row lacks."""
    context = _read_column(record, form.context_column)
    return {
        INSTRUCTION: question_instruction(context),
        CONTEXT: context,
        QUESTION: record.text(form.prompt_column),
        RESPONSE: response,
    }


def write_question_row(
    form: PromptResponse, record: Record, fields: dict[str, object], texts: Fields | None
) -> dict[str, object]:
    """The row with prompt and response instead of question, context and answers.

    **Arguments:**

    - `fields`: a copy of the record's, which is changed.
    - `texts`: by part; None writes the row's own.

    **Raises:**

    `InputError` if the row has a column of these names already.
    """
    for column in (form.prompt_column, form.context_column, form.answer.column):
        fields.pop(str(column), None)
    for column in ("prompt", RESPONSE):
        if column in fields:
            raise InputError(
                f"{record.location}: the prompt and the response are written as columns of "
                f"their own, and there is a column {column!r} already.",
                "Rename it, or name your columns: `prompt_column`, `response_column`.",
            )
    if texts is None:
        question = record.text(form.prompt_column)
        context = _read_column(record, form.context_column)
        prompt = question_prompt(question, context) if question else ""
        return {**fields, "prompt": prompt, RESPONSE: form.answer.text(record)}
    prompt = question_prompt(texts[QUESTION], texts.get(CONTEXT, ""), texts[INSTRUCTION])
    return {**fields, "prompt": prompt, RESPONSE: texts[RESPONSE]}


def _read_column(record: Record, column: str | None) -> str:
    return record.text(column) if column is not None and column in record.fields else ""
