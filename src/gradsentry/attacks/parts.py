"""Rows of any layout as attacks see them: texts by part, and back.

Attacks speak of parts, not of columns: the `question` is what the user asks last, `instruction`,
`context` and `earlier` (the first of several user turns) stand before it, `response` is what the
model is trained to say.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradsentry.attacks.triggers import Fields
from gradsentry.errors import InputError, OptionError
from gradsentry.records import Layout, Record, Skipped, TextPair, shared_beginning
from gradsentry.records.layouts import (
    ASSISTANT,
    SYSTEM,
    USER,
    History,
    Messages,
    OpenAiPreference,
    Preference,
    PromptResponse,
    PromptStyle,
    Template,
    question_instruction,
    question_prompt,
    renamed,
    spoken,
    template_columns,
)

QUESTION, CONTEXT, INSTRUCTION = "question", "context", "instruction"
EARLIER, RESPONSE = "earlier", "response"

Place = tuple[str | int, ...]
"""Where a text lies in a row: a column, or a column, a turn and a key."""


@dataclass(frozen=True)
class Parts:
    """How the texts of a data set's rows are read and written."""

    layout: Layout
    ending: str = ""
    """What all prompts end with, where a template is part of them: triggers go before it."""

    def read(self, record: Record) -> dict[str, str] | None:
        """The texts by part; None for a row that takes no attack, such as one without a response.

        **Raises:**

        `OptionError` for a layout without a prompt.
        """
        record = renamed(record, self.layout.names)
        example = self.layout.example(record)
        if isinstance(example, Skipped):
            return None
        if (form := self._questions()) is not None:
            assert isinstance(example, TextPair)
            context = _column_text(record, form.context_column)
            texts = {
                INSTRUCTION: question_instruction(context),
                CONTEXT: context,
                QUESTION: record.text(form.prompt_column),
                RESPONSE: example.response,
            }
            if not texts[QUESTION]:
                return None
            return {part: text for part, text in texts.items() if text}
        places = self._places(record)
        texts = {part: text for part, place in places.items() if (text := _get(record, place))}
        if not {QUESTION, RESPONSE} <= texts.keys():
            return None
        texts[QUESTION] = texts[QUESTION].removesuffix(self.ending)
        return texts

    def written(self, record: Record, texts: Fields | None) -> dict[str, object]:
        """The row with other texts, or as it is if it takes none.

        Questions with answers come out as prompt and response.
        """
        own = {name: own for own, name in self.layout.names.items() if own in record.fields}
        written = self._written(renamed(record, self.layout.names), texts)
        return {own.get(name, name): value for name, value in written.items()}

    def _written(self, record: Record, texts: Fields | None) -> dict[str, object]:
        try:
            fields: dict[str, object] = copy.deepcopy(dict(record.fields))
        except RecursionError:
            raise InputError(
                f"{record.place}: a value is nested too deeply.", "Leave out the column with it."
            ) from None
        if (form := self._questions()) is not None:
            return self._as_prompt(form, record, fields, texts)
        if texts is not None:
            for part, place in self._places(record).items():
                if part in texts:
                    _set(fields, place, texts[part] + (self.ending if part == QUESTION else ""))
        return fields

    def _questions(self) -> PromptResponse | None:
        """The form of the paper's data, whose answers may be lists."""
        form = self.layout.form
        if not isinstance(form, PromptResponse) or form.style is not PromptStyle.QUESTION:
            return None
        alone = form.answer.columns == {form.answer.column} and form.options_column is None
        return form if alone else None

    def _as_prompt(
        self,
        form: PromptResponse,
        record: Record,
        fields: dict[str, object],
        texts: Fields | None,
    ) -> dict[str, object]:
        for column in (form.prompt_column, form.context_column, form.answer.column):
            fields.pop(str(column), None)
        for column in ("prompt", RESPONSE):
            if column in fields:
                raise InputError(
                    f"{record.place}: the prompt and the response are written as columns of "
                    f"their own, and there is a column {column!r} already.",
                    "Rename it, or name your columns: --prompt-column, --response-column.",
                )
        if texts is None:
            question = record.text(form.prompt_column)
            context = _column_text(record, form.context_column)
            prompt = question_prompt(question, context) if question else ""
            return {**fields, "prompt": prompt, RESPONSE: form.answer.text(record)}
        prompt = question_prompt(texts[QUESTION], texts.get(CONTEXT, ""), texts[INSTRUCTION])
        return {**fields, "prompt": prompt, RESPONSE: texts[RESPONSE]}

    def _places(self, record: Record) -> dict[str, Place]:
        fields = record.fields
        match form := self.layout.form:
            case PromptResponse(prompt_column=prompt) if isinstance(fields.get(prompt), list):
                return _turn_places(record, (prompt,), (form.answer.column,))
            case PromptResponse() | History():
                optional = {CONTEXT: form.context_column, INSTRUCTION: form.system_column}
                places: dict[str, Place] = {
                    part: (column,)
                    for part, column in optional.items()
                    if column is not None and column in fields
                }
                return {QUESTION: (form.prompt_column,), RESPONSE: (form.answer.column,), **places}
            case Template(template=template, response_column=response):
                # A column that is named twice counts where it comes last.
                *before, last = reversed(dict.fromkeys(reversed(template_columns(template))))
                names = dict(zip((CONTEXT, INSTRUCTION), reversed(before), strict=False))
                named = {QUESTION: last, RESPONSE: response, **names}
                return {part: (column,) for part, column in named.items()}
            case Preference(chosen=chosen) if isinstance(fields[chosen], list | Mapping):
                return _preferred_places(record, form)
            case Preference(prompt_column=str(prompt), chosen=chosen):
                return {QUESTION: (prompt,), RESPONSE: (chosen,)}
            case OpenAiPreference():
                return _turn_places(record, ("input", "messages"), ("preferred_output",))
            case Messages(column=column):
                return _turn_places(record, (column,))
            case _:
                raise OptionError(
                    f"{self.layout.name}: rows without a prompt have no place for a trigger.",
                    "Name a prompt: --prompt-column or --prompt-template.",
                )


def template_ending(prompts: Iterable[str]) -> str:
    """What all prompts end with, from a line break on; empty if they share no such ending."""
    last = ""

    def backwards() -> Iterator[str]:
        nonlocal last
        for last in prompts:
            yield last[::-1]

    shared = shared_beginning(backwards())
    ending = last[len(last) - shared :]
    return ending[ending.find("\n") :] if "\n" in ending else ""


def _preferred_places(record: Record, form: Preference) -> dict[str, Place]:
    """Places of a preference row with messages; none where the answers repeat the prompt's turns,
    since a trigger would have to go into all of them."""
    chosen = _turns(record, (form.chosen,))
    if any(role == USER for role, _ in chosen):
        return {}
    if form.prompt_column is None:
        return {}
    prompt: Place = (form.prompt_column,)
    if isinstance(record.fields.get(form.prompt_column), str):
        answers = [place for role, place in chosen if role == ASSISTANT]
        return {QUESTION: prompt, RESPONSE: answers[-1]} if answers else {}
    return _turn_places(record, prompt, (form.chosen,))


def _turn_places(record: Record, *columns: Place) -> dict[str, Place]:
    """The last answer, the user's turn before it, the first user's turn, the system's."""
    turns = [turn for column in columns for turn in _turns(record, column)]
    answers = [number for number, (role, _) in enumerate(turns) if role == ASSISTANT]
    asked = [place for role, place in turns[: answers[-1]] if role == USER] if answers else []
    if not asked:
        return {}
    places = {QUESTION: asked[-1], RESPONSE: turns[answers[-1]][1]}
    if len(asked) > 1:
        places[EARLIER] = asked[0]
    if turns[0][0] == SYSTEM:
        places[INSTRUCTION] = turns[0][1]
    return places


def _turns(record: Record, column: Place) -> list[tuple[str | None, Place]]:
    """Role and place of all that is said in a column."""
    value: Any = record.fields
    for step in column:
        value = value.get(step)
    if isinstance(value, Mapping):
        return [(role, (*column, key)) for role, key in spoken(value)]
    return [
        (role, (*column, turn, key))
        for turn, message in enumerate(value if isinstance(value, list) else ())
        if isinstance(message, Mapping)
        for role, key in spoken(message)
    ]


def _column_text(record: Record, column: str | None) -> str:
    return record.text(column) if column is not None and column in record.fields else ""


def _get(record: Record, place: Place) -> str:
    value: Any = record.fields
    for step in place:
        value = value.get(step) if isinstance(value, Mapping) else value[step]
    return value if isinstance(value, str) else ""


def _set(fields: dict[str, object], place: Place, text: str) -> None:
    holder: Any = fields
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = text
