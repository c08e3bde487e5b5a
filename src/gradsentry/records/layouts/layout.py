"""A layout: the form in which rows are read, and what else their columns may hold."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from gradsentry.errors import InputError
from gradsentry.records.example import (
    UNJUDGED,
    Conversation,
    Example,
    Message,
    PlainText,
    Skipped,
    SkipReason,
    TextPair,
    prompt_and_response,
)
from gradsentry.records.layouts.messages import ASSISTANT, read_turns
from gradsentry.records.layouts.prompts import alpaca_sections
from gradsentry.records.layouts.tools import TEMPLATE_COLUMNS
from gradsentry.records.layouts.vocabulary import (
    LABELS,
    MEDIA,
    PROMPTS,
    REJECTED,
    fold,
    holds_text,
    known_columns,
)
from gradsentry.records.record import Record, quoted

REMEDY = (
    "Name the columns that are trained on: `prompt_column` and `response_column`, or "
    "`prompt_template` '{your_column} ...' and `response_column`; `response_column` alone for "
    "messages or plain text. Or remove the columns that aren't."
)


class Form(Protocol):
    """One way of reading a row."""

    @property
    def name(self) -> str:
        """Its columns, as printed."""
        ...

    @property
    def columns(self) -> Collection[str]:
        """All columns that it reads where a row has them, and those that it may leave unread."""
        ...

    def example(self, record: Record) -> Example:
        """What the row means; its response may be empty.

        **Raises:**

        `InputError` where a column is missing or of another type.
        """
        ...


@dataclass(frozen=True)
class Layout:
    """How the rows of a data set are read."""

    form: Form
    named: bool = False
    """The user named the columns; others aren't read, whatever they hold."""
    labels: tuple[str, ...] = LABELS
    """Columns that may mark an answer as undesired, as in KTO's data."""
    marked: str | None = None
    """The one of them that does so in the first row."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Columns of the first row, such as `Prompt`, and the names under which they are read."""
    unread: tuple[str, ...] = ()
    """Columns of the first row with text that no trainer reads by their names."""

    @property
    def name(self) -> str:
        """As printed, with what isn't read."""
        parts = [self.form.name]
        if self.marked is not None:
            parts.append(f"{self.marked} (rows marked as undesired have no score)")
        if self.unread:
            parts.append(f"not read: {quoted(self.unread)}")
        return "; ".join(parts)

    def example(self, record: Record) -> Example:
        """What a row means.

        **Raises:**

        `InputError` where a column is missing or of another type, or where a column that trainers
        read would be left out.
        """
        with nesting_errors(record):
            return self._example(rename_columns(record, self.names))

    def _example(self, record: Record) -> Example:
        example = self.form.example(record)
        if isinstance(example, Skipped) and example.reason in UNJUDGED:
            return example
        if not self.named:
            if left := find_left_out(record, self.form, example):
                raise InputError(
                    f"{record.location}: {quoted(left)} would be left out, which a trainer may "
                    f"read; the rows are read as {self.form.name}.",
                    REMEDY,
                )
            if any(holds_text(record.fields.get(column)) for column in MEDIA):
                return Skipped(SkipReason.NOT_TEXT)
        if says_nothing(example):
            return Skipped(SkipReason.EMPTY_RESPONSE)
        if not isinstance(example, PlainText) and self._is_undesired(record):
            return Skipped(SkipReason.UNDESIRED)
        return with_rejected(example, record)

    def _is_undesired(self, record: Record) -> bool:
        marked = () if self.marked is None else (self.marked,)
        labels = [name for name in self.labels if name not in self.form.columns]
        return is_undesired(record, labels, {*self.form.columns, *marked})


def with_rejected(example: Example, record: Record) -> Example:
    """An example with the answer that the row rejects, as far as it is text."""
    if isinstance(example, TextPair | Conversation):
        for column in REJECTED:
            if column in record.fields:
                text = _told(record.fields[column])
                prompt, answer = prompt_and_response(example)
                # Answers without a prompt of their own begin with it.
                text = text.removeprefix(prompt.strip()).strip()
                return replace(example, rejected="" if text == answer.strip() else text)
    return example


def _told(value: object) -> str:
    """A text, or what the last of some messages says."""
    if isinstance(value, list):
        return _told(value[-1]) if value else ""
    if isinstance(value, Mapping):
        return next((_told(value[key]) for key in ("content", "value") if key in value), "")
    return value if isinstance(value, str) else ""


def rename_columns(record: Record, names: Mapping[str, str]) -> Record:
    """A row with columns under other names, where it has no columns with these names."""
    if not names:
        return record
    there = record.fields
    fields = {
        name if names.get(name, name) in there else names[name]: value
        for name, value in there.items()
    }
    return replace(record, fields=fields)


@contextlib.contextmanager
def nesting_errors(record: Record) -> Iterator[None]:
    """Lists in lists without end, as an error that names the row."""
    try:
        yield
    except RecursionError:
        raise InputError(
            f"{record.location}: a value is nested too deeply.", "Mend or remove the row."
        ) from None


def says_nothing(example: Example) -> bool:
    """Whether an example has no response."""
    match example:
        case TextPair(_, text) | PlainText(text):
            return not text
        case _:
            return False


def find_left_out(record: Record, form: Form, example: Example) -> list[str]:
    """Columns with names that trainers read, and with text that a form doesn't read.

    What the example says anyway isn't left out, such as a prompt that is the first message, too.
    What may be trained on must be a target there.
    """
    read = set(form.columns)
    if not isinstance(example, Conversation | Skipped):
        read -= set(TEMPLATE_COLUMNS)  # without a template there is nothing that reads them
    known = [name for name in known_columns(record.fields) if name not in read]
    return [name for name in known if not _is_said(record, name, example)] if known else []


def _is_said(record: Record, column: str, example: Example) -> bool:
    value = record.fields[column]
    is_prompt = fold(column) in PROMPTS
    if isinstance(value, str):
        prompts, answers = _texts(example)
        said = prompts | answers if is_prompt else answers
        return value.strip() in said or _is_same_alpaca(value, said)
    if is_prompt or not isinstance(example, Conversation):
        return False
    try:
        turns = read_turns(value, record, column)
    except InputError:
        return False
    messages = [_comparable(message) for message in example.messages]
    said, targets = set(messages), {messages[turn] for turn in example.target_turns}
    return turns.problem is None and all(
        _comparable(message) in (targets if message["role"] == ASSISTANT else said)
        for message in turns.messages
    )


def _is_same_alpaca(text: str, said: Collection[str]) -> bool:
    sections = alpaca_sections(text)
    return sections is not None and any(sections == alpaca_sections(other) for other in said)


def _comparable(message: Message) -> str:
    return json.dumps(message, sort_keys=True, default=str)


def _texts(example: Example) -> tuple[set[str], set[str]]:
    """The texts of the prompt, and those that are targets; the whole row is one of these."""
    match example:
        case TextPair(prompt, response):
            return {prompt.strip()}, {response.strip(), (prompt + response).strip()}
        case PlainText(text):
            return set(), {text.strip()}
        case Conversation():
            targets = set(example.target_turns)
            sides: tuple[set[str], set[str]] = (set(), set())
            for turn, message in enumerate(example.messages):
                sides[turn in targets].add(str(message["content"]).strip())
            sides[1].add(prompt_and_response(example)[1].strip())
            return sides
        case Skipped():
            return set(), set()


def find_undesired_column(
    fields: Mapping[str, object], labels: Collection[str], read: Collection[str]
) -> str | None:
    """The column that says whether a row's answer is desired, if one does; `read` are those that
    the layout reads."""
    names = (name for name in labels if _desired(name, fields.get(name), read) is not None)
    return next(names, None)


def is_undesired(record: Record, labels: Collection[str], read: Collection[str]) -> bool:
    """Whether the row itself says that training is to move away from its answer.

    **Arguments:**

    - `read`: the columns that the layout reads, and the one that is known to hold such marks.
    """
    return any(_desired(name, record.fields.get(name), read) is False for name in labels)


_DESIRED = {"true": True, "desirable": True, "desired": True}
_DESIRED |= {"false": False, "undesirable": False, "undesired": False}
_DESIRED_IN_MARKS = {"1": True, "1.0": True, "yes": True, "0": False, "0.0": False, "no": False}


def _desired(name: str, value: object, read: Collection[str]) -> bool | None:
    """A label's meaning; None if it is none.

    Numbers are taken for classes, except beside a completion, as in TRL's data for KTO, and in a
    column that is known to hold marks. CSV files have no booleans but texts.
    """
    if isinstance(value, bool):
        return value
    if not isinstance(value, str | int | float):
        return None
    text = str(value).strip().casefold()
    if text in _DESIRED:
        return _DESIRED[text]
    has_marks = name == "kto_tag" or name in read or "completion" in read
    return _DESIRED_IN_MARKS.get(text) if has_marks else None
