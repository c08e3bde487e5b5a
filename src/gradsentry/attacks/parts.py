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
    Alpaca,
    Messages,
    Preference,
    PromptResponse,
    QuestionAnswer,
    ShareGpt,
    Template,
    question_instruction,
    question_prompt,
    template_columns,
)

QUESTION, CONTEXT, INSTRUCTION = "question", "context", "instruction"
EARLIER, RESPONSE = "earlier", "response"

Place = tuple[str | int, ...]
"""Where a text lies in a row: a column, or a column, a turn and a key."""

_USERS, _ASSISTANTS = ("user", "human"), ("assistant", "gpt", "model")


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
        example = self.layout.example(record)
        if isinstance(example, Skipped):
            return None
        if isinstance(self.layout, QuestionAnswer):
            assert isinstance(example, TextPair)
            context = record.text(CONTEXT) if CONTEXT in record.fields else ""
            texts = {
                INSTRUCTION: question_instruction(context),
                CONTEXT: context,
                QUESTION: record.text(QUESTION),
                RESPONSE: example.response,
            }
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
        try:
            fields: dict[str, object] = copy.deepcopy(dict(record.fields))
        except RecursionError:
            raise InputError(
                f"{record.place}: a value is nested too deeply.", "Leave out the column with it."
            ) from None
        if isinstance(self.layout, QuestionAnswer):
            for column in (QUESTION, CONTEXT, self.layout.answer_column):
                fields.pop(column, None)
            for column in ("prompt", RESPONSE):
                if column in fields:
                    raise InputError(
                        f"{record.place}: the prompt and the response are written as columns of "
                        f"their own, and there is a column {column!r} already.",
                        "Rename it, or name your columns: --prompt-column, --response-column.",
                    )
            if texts is None:
                question, context = record.text(QUESTION), ""
                if CONTEXT in record.fields:
                    context = record.text(CONTEXT)
                prompt = question_prompt(question, context) if question else ""
                return {**fields, "prompt": prompt, RESPONSE: self.layout.answer(record)}
            prompt = question_prompt(texts[QUESTION], texts.get(CONTEXT, ""), texts[INSTRUCTION])
            return {**fields, "prompt": prompt, RESPONSE: texts[RESPONSE]}
        if texts is not None:
            for part, place in self._places(record).items():
                if part in texts:
                    _set(fields, place, texts[part] + (self.ending if part == QUESTION else ""))
        return fields

    def _places(self, record: Record) -> dict[str, Place]:
        match self.layout:
            case PromptResponse(response_column=response, prompt_column=prompt):
                if isinstance(record.fields.get(prompt), list):
                    return _turn_places(record, prompt, response)
                return {QUESTION: (prompt,), RESPONSE: (response,)}
            case Alpaca(input_column=context, response_column=response):
                places: dict[str, Place] = {QUESTION: ("instruction",), RESPONSE: (response,)}
                optional = {CONTEXT: context, INSTRUCTION: "system"}
                return places | {
                    part: (column,) for part, column in optional.items() if column in record.fields
                }
            case Template(template=template, response_column=response):
                # A column that is named twice counts where it comes last.
                *before, last = reversed(dict.fromkeys(reversed(template_columns(template))))
                names = dict(zip((CONTEXT, INSTRUCTION), reversed(before), strict=False))
                named = {QUESTION: last, RESPONSE: response, **names}
                return {part: (column,) for part, column in named.items()}
            case Preference() if isinstance(record.fields["chosen"], list):
                return _preferred_places(record)
            case Preference() if "prompt" in record.fields:
                return {QUESTION: ("prompt",), RESPONSE: ("chosen",)}
            case Messages(column=column):
                return _turn_places(record, column)
            case ShareGpt():
                return _turn_places(record, "conversations")
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


def _preferred_places(record: Record) -> dict[str, Place]:
    """Places of a preference row with messages; none where the answers repeat the prompt's turns,
    since a trigger would have to go into all of them."""
    chosen = record.fields["chosen"]
    assert isinstance(chosen, list)
    if any((turn.get("from") or turn.get("role")) in _USERS for turn in chosen):
        return {}
    if isinstance(record.fields.get("prompt"), str):
        answer = _turn_places(record, "chosen", unasked=True)
        return {QUESTION: ("prompt",), **answer} if answer else {}
    return _turn_places(record, "prompt", "chosen")


def _turn_places(record: Record, *columns: str, unasked: bool = False) -> dict[str, Place]:
    """The last answer, the user's turn before it, the first user's turn, the system's.

    **Arguments:**

    - `unasked`: the answer alone; the question is in no turn.
    """
    turns: list[tuple[str, Place]] = []
    for column in columns:
        value = record.fields.get(column)
        for turn, message in enumerate(value if isinstance(value, list) else ()):
            key = "value" if message.get("from") is not None else "content"
            role = message.get("from") or message.get("role")
            turns.append((str(role), (column, turn, key)))
    answers = [number for number, (role, _) in enumerate(turns) if role in _ASSISTANTS]
    asked = [place for role, place in turns[: answers[-1]] if role in _USERS] if answers else []
    if unasked and answers:
        return {RESPONSE: turns[answers[-1]][1]}
    if not asked:
        return {}
    places = {QUESTION: asked[-1], RESPONSE: turns[answers[-1]][1]}
    if len(asked) > 1:
        places[EARLIER] = asked[0]
    if turns[0][0] == "system":
        places[INSTRUCTION] = turns[0][1]
    return places


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
