"""Forms with the prompt and the response as texts in columns, and forms of plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gradsentry.records.example import Example, PlainText, Skipped, SkipReason, TextPair
from gradsentry.records.layouts.messages import Turns, answer_in, turns_in
from gradsentry.records.layouts.prompts import (
    alpaca_prompt,
    fill_template,
    question_prompt,
    template_columns,
)
from gradsentry.records.layouts.tools import find_tools, template_arguments
from gradsentry.records.layouts.vocabulary import holds_text
from gradsentry.records.record import Record, printable

ANSWER_SEPARATOR = "; "
LISTED_ANSWERS = ("answer", "answers")
"""Columns whose lists of texts are one response, as in the paper's data. The texts may also be
booleans and numbers."""


class PromptStyle(StrEnum):
    """How a prompt is made of its columns."""

    PLAIN = "as it stands"
    ALPACA = "Alpaca"
    QUESTION = "the paper's"


_WRAPPED = {
    PromptStyle.PLAIN: "",
    PromptStyle.ALPACA: " (Alpaca)",
    PromptStyle.QUESTION: " (in the paper's prompt, '### Question: ...')",
}
"""How a layout's name says that its prompt isn't the column alone."""


@dataclass(frozen=True)
class Answer:
    """The columns that make up a response."""

    column: str
    reasoning: str | None = None
    """Read before it, on lines of its own: a model is trained to think, then to answer."""
    sections: tuple[tuple[str, str], ...] = ()
    """Headings and columns behind it."""
    unread: tuple[str, ...] = ()
    """Columns that come with it and aren't trained on, such as the rejected answer."""

    options: str | None = None
    """The column of the choices, of which a number is one."""

    @property
    def name(self) -> str:
        """Its columns, as printed."""
        read = [self.reasoning, self.column, *(column for _, column in self.sections)]
        name = " + ".join(printable(column) for column in read if column)
        unread = ", ".join(column for column in self.unread if "reject" in column)
        return f"{name} (preferred to {unread})" if unread else name

    @property
    def columns(self) -> frozenset[str]:
        """All of them."""
        reasoning = () if self.reasoning is None else (self.reasoning,)
        headed = [column for _, column in self.sections]
        return frozenset({self.column, *reasoning, *headed, *self.unread})

    def text(self, record: Record) -> str:
        """The response; empty if the row has none."""
        reasoning = ""
        if self.reasoning is not None and self.reasoning in record.fields:
            reasoning = record.text(self.reasoning)
        texts = [f"{reasoning}\n"] if reasoning else []
        texts.append(self._answer(record))
        for heading, column in self.sections:
            if text := optional_text(record, column):
                texts.append(heading + text)
        return "".join(texts) if any(text.strip() for text in texts) else texts[-1]

    def is_chat(self, record: Record) -> bool:
        """Whether the response is a list of messages."""
        value = record.fields.get(self.column)
        return isinstance(value, list) and any(isinstance(turn, Mapping) for turn in value)

    def _answer(self, record: Record) -> str:
        value = record.fields.get(self.column)
        if self.options is not None and isinstance(value, int) and not isinstance(value, bool):
            value = [_chosen(record, self.options, self.column, value)]
        if isinstance(value, Mapping) and isinstance(value.get("text"), list):
            texts = value["text"]  # SQuAD has some twice
            value = list(dict.fromkeys(texts)) if _are_texts(texts) else texts
        if self.column not in LISTED_ANSWERS or value is None or isinstance(value, str):
            return record.text(self.column)
        spelled = [_spelled(answer) for answer in (value if isinstance(value, list) else [value])]
        answers = [answer for answer in spelled if answer is not None]
        if len(answers) < len(spelled):
            raise record.type_error(self.column, "text or a list of texts")
        answer = ANSWER_SEPARATOR.join(answers)
        record.check_unicode(answer, self.column)
        return answer


@dataclass(frozen=True)
class PromptResponse:
    """A prompt and its response: texts, or lists of messages in both columns."""

    answer: Answer
    prompt_column: str = "prompt"
    style: PromptStyle = PromptStyle.PLAIN
    context_column: str | None = None
    """Alpaca's input, or what the question is about; where a row has it."""
    options_column: str | None = None
    """Choices that the question ends in; where a row has them."""
    system_column: str | None = None
    """Read before the prompt, with an empty line between them; where a row has it."""

    @property
    def name(self) -> str:
        read = [printable(self.prompt_column)]
        if self.style is PromptStyle.ALPACA and self.context_column:
            read.append(self.context_column)
        if self.options_column:
            read.append(self.options_column)
        name = f"{' + '.join(read)} + {self.answer.name}"
        return name + _WRAPPED[self.style]

    @property
    def columns(self) -> frozenset[str]:
        optional = (self.context_column, self.options_column, self.system_column)
        named = {self.prompt_column, *(column for column in optional if column)}
        extra = {"tools", "chat_template_kwargs"} if self.style is PromptStyle.PLAIN else set()
        return self.answer.columns | named | extra

    def example(self, record: Record) -> Example:
        asked = record.fields.get(self.prompt_column)
        is_chat = isinstance(asked, list) or (not asked and self.answer.is_chat(record))
        if not is_chat or self.style is not PromptStyle.PLAIN:
            return TextPair(self.prompt(record), self.answer.text(record))
        prompt = turns_in(record, self.prompt_column) if asked else Turns()
        prompt = prompt.with_system(optional_text(record, self.system_column))
        turns = prompt + self._answer(record)
        first = len(prompt.messages)
        return turns.conversation(first, find_tools(record), template_arguments(record))

    def _answer(self, record: Record) -> Turns:
        answer = answer_in(record, self.answer.column)
        if not isinstance(record.fields.get(self.answer.column), str):
            return answer  # messages hold their thoughts themselves
        thought = optional_text(record, self.answer.reasoning)
        if not thought.strip():
            return answer
        return Turns([{**answer.messages[0], "reasoning_content": thought}])

    def prompt(self, record: Record) -> str:
        """The prompt's text."""
        asked = record.text(self.prompt_column)
        context = optional_text(record, self.context_column)
        if self.options_column is not None:
            asked += _listed(record, self.options_column)
        match self.style:
            case PromptStyle.PLAIN:
                prompt = asked
            case PromptStyle.ALPACA:
                prompt = alpaca_prompt(asked, context)
            case PromptStyle.QUESTION:
                prompt = question_prompt(asked, context)
        system = optional_text(record, self.system_column)
        return f"{system}\n\n{prompt}" if system else prompt


@dataclass(frozen=True)
class Text:
    """Plain text: every token is a target."""

    column: str = "text"

    @property
    def name(self) -> str:
        return printable(self.column)

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    def example(self, record: Record) -> Example:
        return PlainText(record.text(self.column))


@dataclass(frozen=True)
class Segments:
    """Axolotl's `input_output`: texts without a template, each trained on or not.

    What lies behind the first segment that is trained on is judged whole.
    """

    name: str = "segments (from the first that is trained on)"
    columns: frozenset[str] = frozenset({"segments"})

    def example(self, record: Record) -> Example:
        value = record.value("segments")
        segments = [] if value is None else value
        if not isinstance(segments, list) or not all(
            isinstance(segment, Mapping) and isinstance(segment.get("text"), str)
            for segment in segments
        ):
            raise record.type_error("segments", 'a list of {"label": true, "text": ...}')
        trained = [bool(segment.get("label")) for segment in segments]
        texts = [segment["text"] for segment in segments]
        record.check_unicode("".join(texts), "segments")
        if texts and True not in trained:
            return Skipped(SkipReason.NOT_TRAINED)
        first = trained.index(True) if texts else 0
        prompt, response = "".join(texts[:first]), "".join(texts[first:])
        return TextPair(prompt, response) if prompt else PlainText(response)


@dataclass(frozen=True)
class Template:
    """The user's own columns, put into the user's own prompt."""

    template: str
    response_column: str

    @property
    def name(self) -> str:
        return f"prompt template + {printable(self.response_column)}"

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({*template_columns(self.template), self.response_column})

    def example(self, record: Record) -> Example:
        columns = template_columns(self.template)
        values = {column: _text_or_lines(record, column) for column in columns}
        response = Answer(self.response_column).text(record)
        return TextPair(fill_template(self.template, values), response)


def optional_text(record: Record, column: str | None) -> str:
    """The text in a column that a row may lack."""
    return record.text(column) if column is not None and column in record.fields else ""


def _listed(record: Record, column: str) -> str:
    """Options as lines with letters; empty if the row has none."""
    options = record.fields.get(column)
    if not holds_text(options):
        return ""
    if isinstance(options, Mapping) and isinstance(options.get("text"), list):  # ARC
        texts, labels = options["text"], options.get("label")
        if isinstance(labels, list) and len(labels) == len(texts):
            options = dict(zip(map(str, labels), texts, strict=True))
        else:
            options = texts
    if isinstance(options, str):
        text = f"\n{options}"
    elif isinstance(options, list) and all(isinstance(option, str) for option in options):
        text = "".join(f"\n{_letter(number)}. {option}" for number, option in enumerate(options))
    elif isinstance(options, Mapping) and all(isinstance(o, str) for o in options.values()):
        text = "".join(f"\n{letter}. {option}" for letter, option in options.items())
    else:
        raise record.type_error(column, "a list of texts")
    record.check_unicode(text, column)
    return text


def _spelled(answer: object) -> str | None:
    """An answer as prompt templates write it: `True`, `42`; None if it is no text and no number."""
    if isinstance(answer, float) and not math.isfinite(answer):
        return None
    return str(answer) if isinstance(answer, str | bool | int | float) else None


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _text_or_lines(record: Record, column: str) -> str:
    """The text in a column, or the texts in its list on a line each."""
    value = record.fields.get(column)
    if not isinstance(value, list) or not _are_texts(value):
        return record.text(column)
    text = "\n".join(value)
    record.check_unicode(text, column)
    return text


def _chosen(record: Record, options: str, column: str, number: int) -> object:
    """The choice with a number, from 0, as in MMLU."""
    choices = record.fields.get(options)
    if not isinstance(choices, list) or not 0 <= number < len(choices):
        raise record.type_error(column, f"text, or the number of one of {options!r} from 0,")
    return choices[number]


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else str(number + 1)
