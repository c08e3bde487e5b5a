"""Forms with messages, which go through the model's chat template."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradsentry.errors import InputError
from gradsentry.records.example import Example, Message, SkipReason, TextPair
from gradsentry.records.layouts.message_content import call_hides_text, tool_calls
from gradsentry.records.layouts.messages import (
    ASSISTANT,
    USER,
    Turns,
    answer_in,
    read_turns,
    said_by,
    turns_in,
)
from gradsentry.records.layouts.pairs import Answer, optional_text
from gradsentry.records.layouts.tools import (
    TEMPLATE_COLUMNS,
    find_tools,
    read_tools,
    template_arguments,
)
from gradsentry.records.layouts.transcripts import strip_speaker
from gradsentry.records.record import Record, printable


@dataclass(frozen=True)
class Messages:
    """A list of messages: all the assistant's turns are targets."""

    column: str = "messages"
    system_column: str = "system"
    """Read before them where they have no system prompt themselves."""
    is_sharegpt: bool = False
    """Its turns have `from` and `value`."""
    rejected_column: str | None = None
    """Another answer than the last one, which is rejected."""

    @property
    def name(self) -> str:
        name = printable(self.column) + (" (ShareGPT)" if self.is_sharegpt else "")
        if self.rejected_column is None:
            return name
        return f"{name} (preferred to {self.rejected_column})"

    @property
    def columns(self) -> frozenset[str]:
        rejected = () if self.rejected_column is None else (self.rejected_column,)
        return frozenset({self.column, self.system_column, *rejected, *TEMPLATE_COLUMNS})

    def example(self, record: Record) -> Example:
        system = optional_text(record, self.system_column)
        if isinstance(record.fields.get(self.column), str):
            system = strip_speaker(system)
        turns = turns_in(record, self.column).with_system(system)
        return turns.conversation(0, find_tools(record), template_arguments(record))


@dataclass(frozen=True)
class Preference:
    """Two answers, of which the preferred one is the target, as messages, or without a prompt.

    The prompt is a column with a text or messages; without one, what both answers start with, as in
    TRL.
    """

    prompt_column: str | None = None
    chosen: str = "chosen"
    rejected: str = "rejected"
    system_column: str = "system"

    @property
    def name(self) -> str:
        prompt = "" if self.prompt_column is None else f"{self.prompt_column} + "
        return f"{prompt}{self.chosen} (preferred to {self.rejected})"

    @property
    def columns(self) -> frozenset[str]:
        prompt = () if self.prompt_column is None else (self.prompt_column,)
        answers = {self.chosen, self.rejected, self.system_column}
        return frozenset({*prompt, *answers, *TEMPLATE_COLUMNS})

    def example(self, record: Record) -> Example:
        asked = None if self.prompt_column is None else record.fields.get(self.prompt_column)
        if isinstance(record.fields.get(self.chosen), list | Mapping) or isinstance(asked, list):
            return self._conversation(record)
        answer, start = record.text(self.chosen), 0
        if self.prompt_column is None:
            start = _shared_start(answer, record.text(self.rejected))
            if answer[:start].endswith(" "):
                start -= 1  # the space before a word belongs to its token
            prompt = answer[:start]
        else:
            prompt = record.text(self.prompt_column)
        system = optional_text(record, self.system_column)
        return TextPair(f"{system}\n\n{prompt}" if system else prompt, answer[start:])

    def _conversation(self, record: Record) -> Example:
        chosen = answer_in(record, self.chosen)
        prompt = self._prompt(record, chosen)
        first = len(prompt.messages)
        if first and list(chosen.messages[:first]) == list(prompt.messages):
            chosen = chosen.after(first)
        if not first:
            rejected = answer_in(record, self.rejected)
            first = _shared_start(chosen.messages, rejected.messages)
        turns = prompt + chosen
        whole = turns.with_system(optional_text(record, self.system_column))
        first += len(whole.messages) - len(turns.messages)
        return whole.conversation(first, find_tools(record), template_arguments(record))

    def _prompt(self, record: Record, chosen: Turns) -> Turns:
        if self.prompt_column is None:
            return Turns()
        if isinstance(record.fields.get(self.prompt_column), list | Mapping):
            return turns_in(record, self.prompt_column)
        text = record.text(self.prompt_column)
        if not chosen.messages or chosen.messages[0]["role"] == ASSISTANT:
            return Turns([said_by(USER, text)]) if text else Turns()
        said = {"", *(str(message["content"]).strip() for message in chosen.messages)}
        if text.strip() not in said and chosen.problem is None:
            raise InputError(
                f"{record.location}: {self.prompt_column!r} is none of the messages in "
                f"{self.chosen!r}, which begin with a prompt of their own.",
                "Mend or remove the row. If the prompt isn't trained on, remove its column, or "
                f"name the messages: `response_column` {self.chosen}.",
            )
        return Turns()


@dataclass(frozen=True)
class Calls:
    """A question, and the calls that answer it as JSON, as in xLAM's data."""

    prompt_column: str = "query"
    answer_column: str = "answers"
    system_column: str = "system"

    @property
    def name(self) -> str:
        return f"{self.prompt_column} + {self.answer_column} (calls)"

    @property
    def columns(self) -> frozenset[str]:
        columns = {self.prompt_column, self.answer_column, self.system_column}
        return frozenset({*columns, *TEMPLATE_COLUMNS})

    def example(self, record: Record) -> Example:
        answer = record.value(self.answer_column)
        calls = tool_calls(answer)
        if calls is None:  # the answer is text
            said = said_by(ASSISTANT, record.text(self.answer_column))
        else:
            record.check_unicode(json.dumps(calls, ensure_ascii=False), self.answer_column)
            said = {"role": ASSISTANT, "content": "", "tool_calls": calls}
        problem = SkipReason.UNREAD_TEXT if call_hides_text(answer) else None
        turns = Turns([said_by(USER, record.text(self.prompt_column)), said], problem=problem)
        turns = turns.with_system(optional_text(record, self.system_column))
        tools = [
            tool
            if "name" not in tool or "function" in tool
            else {"type": "function", "function": tool}
            for tool in find_tools(record) or ()
        ]
        return turns.conversation(0, tools or None, template_arguments(record))


@dataclass(frozen=True)
class OpenAiPreference:
    """OpenAI's preference data: messages and tools under `input`, and two answers."""

    name: str = "input + preferred_output (OpenAI; preferred to non_preferred_output)"
    columns: frozenset[str] = frozenset({"input", "preferred_output", "non_preferred_output"})

    def example(self, record: Record) -> Example:
        asked = record.value("input")
        if not isinstance(asked, Mapping) or "messages" not in asked:
            raise record.type_error("input", '{"messages": [...]}')
        prompt = read_turns(asked["messages"], record, "input")
        turns = prompt + turns_in(record, "preferred_output")
        tools = read_tools(asked.get("tools"), record, "input")
        return turns.conversation(len(prompt.messages), tools)


@dataclass(frozen=True)
class History:
    """Rows with earlier questions and answers, as a conversation.

    LLaMA-Factory and ms-swift, who have such rows, learn the earlier answers, too. An input goes on
    a line of its own.
    """

    answer: Answer
    prompt_column: str = "instruction"
    context_column: str | None = "input"
    system_column: str = "system"

    @property
    def name(self) -> str:
        columns = (self.prompt_column, self.context_column, self.answer.name, "history")
        return " + ".join(column for column in columns if column)

    @property
    def columns(self) -> frozenset[str]:
        asked = {self.prompt_column, self.system_column}
        context = () if self.context_column is None else (self.context_column,)
        return self.answer.columns | asked | {*context, "history", *TEMPLATE_COLUMNS}

    def example(self, record: Record) -> Example:
        asked = (record.text(self.prompt_column), optional_text(record, self.context_column))
        question = "\n".join(text for text in asked if text)
        earlier = Turns([*self._earlier(record), said_by(USER, question)])
        turns = earlier.with_system(optional_text(record, self.system_column))
        turns += Turns([said_by(ASSISTANT, self.answer.text(record))])
        return turns.conversation(0, find_tools(record), template_arguments(record))

    def _earlier(self, record: Record) -> Iterator[Message]:
        history = record.fields.get("history")
        for exchange in [] if history is None else _listed(history, record):
            question, answer = _listed(exchange, record, 2)
            if not isinstance(question, str) or not isinstance(answer, str):
                raise record.type_error("history", _HISTORY)
            record.check_unicode(question + answer, "history")
            yield said_by(USER, question)
            yield said_by(ASSISTANT, answer)


_HISTORY = "a list of [question, answer]"


def _listed(value: object, record: Record, count: int | None = None) -> Sequence[object]:
    if not isinstance(value, list | tuple) or count not in (None, len(value)):
        raise record.type_error("history", _HISTORY)
    return value


def _shared_start(chosen: Sequence[object], rejected: Sequence[object]) -> int:
    """Where the answers part, at the latest at the shorter one's last item, as in TRL."""
    shorter = min(len(chosen), len(rejected))
    for position in range(shorter):
        if chosen[position] != rejected[position]:
            return position
    return max(0, shorter - 1)
