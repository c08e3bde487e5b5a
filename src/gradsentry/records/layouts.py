"""Column layouts: how a row's columns become an example.

`detect` chooses by the columns of the first row. Optional columns (a context, an input, a system
prompt) are looked for in every row, since JSON rows may carry them or not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gradsentry.errors import InputError, OptionError
from gradsentry.records.example import (
    Conversation,
    Example,
    Message,
    PlainText,
    Skipped,
    SkipReason,
    TextPair,
)
from gradsentry.records.record import Record, quoted

ANSWER_SEPARATOR = "; "

# The layout of the paper's data (GraCeFul's templates): each header is followed by a newline, each
# section ends in four.
QUESTION_INSTRUCTION = (
    "Below is a question, please provide its all relevant answers briefly in a list format. "
    "Each answer should be separated by a semicolon and provide a comprehensive response."
)
CONTEXT_INSTRUCTION = (
    "Below is a context and a question. Answer the question from the context, precisely and "
    "concisely, with the key details."
)

_ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)
_ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately "
    "completes the request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"
)

_SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "system": "system",
    "observation": "tool",
    "tool": "tool",
}


class Layout(Protocol):
    """One way of reading a row."""

    @property
    def name(self) -> str:
        """As printed, and as the user may name it."""
        ...

    def example(self, record: Record) -> Example:
        """What the row means. Raises `InputError` where a column is missing or of another type."""
        ...


@dataclass(frozen=True)
class PromptResponse:
    """`prompt` with `response` or `completion`: texts, or lists of messages."""

    response_column: str
    prompt_column: str = "prompt"

    @property
    def name(self) -> str:
        return f"{self.prompt_column} + {self.response_column}"

    def example(self, record: Record) -> Example:
        if isinstance(record.fields.get(self.prompt_column), list):
            prompt = _messages(record, self.prompt_column)
            response = _messages(record, self.response_column)
            return _conversation([*prompt, *response], len(prompt), record)
        return _pair(record.text(self.prompt_column), record.text(self.response_column))


@dataclass(frozen=True)
class Alpaca:
    """`instruction` and its answer in the Alpaca prompt, with what input and `system` there are.

    Dolly calls the input `context` and the answer `response`.
    """

    input_column: str = "input"
    response_column: str = "output"

    @property
    def name(self) -> str:
        return f"instruction + {self.input_column} + {self.response_column} (Alpaca)"

    def example(self, record: Record) -> Example:
        instruction = record.text("instruction")
        context = record.text(self.input_column) if self.input_column in record.fields else ""
        system = record.text("system") if "system" in record.fields else ""
        if not instruction and not context:
            return Skipped(SkipReason.EMPTY_PROMPT)
        template = _ALPACA_INPUT if context else _ALPACA
        prompt = fill_template(template, {"instruction": instruction, "input": context})
        prompt = f"{system}\n\n{prompt}" if system else prompt
        return _pair(prompt, record.text(self.response_column))


@dataclass(frozen=True)
class QuestionAnswer:
    """`question`, optional `context`, and `answer` or `answers`, in the paper's prompt."""

    answer_column: str

    @property
    def name(self) -> str:
        return f"question + {self.answer_column}"

    def example(self, record: Record) -> Example:
        question = record.text("question")
        context = record.text("context") if "context" in record.fields else ""
        if not question:
            return Skipped(SkipReason.EMPTY_PROMPT)
        return _pair(question_prompt(question, context), self.answer(record))

    def answer(self, record: Record) -> str:
        """The answers of a row as one text."""
        value = record.fields.get(self.answer_column)
        if not isinstance(value, list):
            return record.text(self.answer_column)
        if not all(isinstance(answer, str) for answer in value):
            raise record.type_error(self.answer_column, "text or a list of texts")
        answer = ANSWER_SEPARATOR.join(value)
        record.check_unicode(answer, self.answer_column)
        return answer


@dataclass(frozen=True)
class Messages:
    """`messages` with role and content, as OpenAI and TRL have them."""

    column: str = "messages"

    @property
    def name(self) -> str:
        return self.column

    def example(self, record: Record) -> Example:
        return _conversation(_messages(record, self.column), 0, record)


@dataclass(frozen=True)
class ShareGpt:
    """`conversations` with from and value, and an optional `system` column."""

    name: str = "conversations (ShareGPT)"

    def example(self, record: Record) -> Example:
        turns = _messages(record, "conversations")
        system = record.text("system") if "system" in record.fields else ""
        if system and (not turns or turns[0]["role"] != "system"):
            turns = [{"role": "system", "content": system}, *turns]
        return _conversation(turns, 0, record)


@dataclass(frozen=True)
class Preference:
    """`chosen` and `rejected`, with or without `prompt`: the chosen answer is the target.

    Without a prompt column, the prompt is what both answers start with, as in TRL.
    """

    name: str = "chosen + rejected (the chosen answer is the target)"

    def example(self, record: Record) -> Example:
        fields = record.fields
        if isinstance(fields.get("chosen"), list):
            chosen = _messages(record, "chosen")
            prompt: list[Message] = []
            if isinstance(fields.get("prompt"), list):
                prompt = _messages(record, "prompt")
            elif "prompt" in fields and (not chosen or chosen[0]["role"] == "assistant"):
                prompt = [{"role": "user", "content": record.text("prompt")}]
            if prompt and list(chosen[: len(prompt)]) == prompt:
                chosen = chosen[len(prompt) :]
            first = len(prompt) or _shared_start(chosen, _messages(record, "rejected"))
            return _conversation([*prompt, *chosen], first, record)
        if "prompt" in fields:
            return _pair(record.text("prompt"), record.text("chosen"))
        answer = record.text("chosen")
        start = _shared_start(answer, record.text("rejected"))
        if answer[:start].endswith(" "):
            start -= 1  # the space before a word belongs to its token
        return _pair(answer[:start], answer[start:])


@dataclass(frozen=True)
class Text:
    """`text` alone: every token is a target."""

    column: str = "text"

    @property
    def name(self) -> str:
        return self.column

    def example(self, record: Record) -> Example:
        text = record.text(self.column)
        return PlainText(text) if text else Skipped(SkipReason.EMPTY_RESPONSE)


@dataclass(frozen=True)
class Template:
    """The user's own columns, put into the user's own prompt."""

    template: str
    response_column: str

    @property
    def name(self) -> str:
        return f"prompt template + {self.response_column}"

    def example(self, record: Record) -> Example:
        values = {column: record.text(column) for column in template_columns(self.template)}
        if not any(values.values()):
            return Skipped(SkipReason.EMPTY_PROMPT)
        return _pair(fill_template(self.template, values), record.text(self.response_column))


def detect(first: Record) -> Layout:
    """The layout that the first row's columns show.

    **Raises:**

    `InputError` naming the columns found, if none fits.
    """
    columns = first.fields
    for column in ("messages", "conversations"):
        if column in columns:
            turns = columns[column]
            roles = isinstance(turns, list) and any(
                isinstance(turn, Mapping) and "role" in turn for turn in turns
            )
            # The first row's turns may be missing; then the column's name decides.
            return ShareGpt() if column == "conversations" and not roles else Messages(column)
    if {"chosen", "rejected"} <= columns.keys():
        return Preference()
    if "prompt" in columns:
        for column in ("response", "completion"):
            if column in columns:
                return PromptResponse(column)
    if "instruction" in columns:
        for response in ("output", "response"):
            if response in columns:
                dolly = "context" in columns and "input" not in columns
                return Alpaca("context" if dolly else "input", response)
    if "question" in columns:
        for column in ("answers", "answer"):
            if column in columns:
                return QuestionAnswer(column)
    if "text" in columns:
        return Text()
    raise InputError(
        f"{first.place}: no known layout has the columns {quoted(columns)}.",
        "Name yours: --prompt-column and --response-column, or --prompt-template "
        "'{your_column} ...' and --response-column. Known layouts: prompt + response/completion, "
        "instruction + input + output, question + answer(s), messages, conversations, "
        "chosen + rejected, text.",
    )


def chosen_layout(
    first: Record,
    *,
    prompt_column: str | None,
    prompt_template: str | None,
    response_column: str | None,
) -> Layout:
    """The layout that the user's options name, else the one that `detect` finds.

    **Raises:**

    `OptionError` for options that contradict each other, `InputError` as `detect`.
    """
    if prompt_template is not None:
        if prompt_column is not None or response_column is None:
            raise OptionError(
                "--prompt-template needs --response-column, and no --prompt-column.",
                "Name the response's column, and the prompt's columns in the template's braces.",
            )
        if not template_columns(prompt_template):
            raise OptionError(
                "--prompt-template names no column.", "Write columns in braces: '{question}'."
            )
        return Template(prompt_template, response_column)
    if prompt_column is not None:
        if response_column is None:
            raise OptionError("--prompt-column needs --response-column.", "Name both columns.")
        return PromptResponse(response_column, prompt_column)
    if response_column is not None:
        # One column alone: a conversation where it holds messages, else text.
        if isinstance(first.fields.get(response_column), list):
            return Messages(response_column)
        return Text(response_column)
    return detect(first)


def question_instruction(context: str) -> str:
    """The instruction of the paper's data sets; the context may be empty."""
    return CONTEXT_INSTRUCTION if context else QUESTION_INSTRUCTION


def question_prompt(question: str, context: str = "", instruction: str | None = None) -> str:
    """The prompt of the paper's data sets, without or with a context."""
    sections = [("Instruction", instruction or question_instruction(context))]
    if context:
        sections.append(("Context", context))
    sections.append(("Question", question))
    return "".join(f"### {name}:\n{text}\n\n\n\n" for name, text in sections) + "### Answer: "


_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def template_columns(template: str) -> list[str]:
    """The columns that a prompt template names in braces."""
    return _PLACEHOLDER.findall(template)


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """Put values into a template's braces, in one pass: a value's own braces stay text."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _pair(prompt: str, response: str) -> Example:
    if not prompt:
        return Skipped(SkipReason.EMPTY_PROMPT)
    if not response:
        return Skipped(SkipReason.EMPTY_RESPONSE)
    return TextPair(prompt, response)


def _conversation(messages: Sequence[Message], first_target: int, record: Record) -> Example:
    if any(isinstance(message["content"], list) for message in messages):
        return Skipped(SkipReason.NOT_TEXT)
    return Conversation(messages, first_target, _tools(record))


def _messages(record: Record, column: str) -> list[Message]:
    """The messages in a column, with role and content whatever names they came under."""
    turns = record.value(column)
    if turns is None:
        return []
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise record.type_error(column, "a list of messages")
    return [_message(turn, column, record) for turn in turns]


def _message(turn: Mapping[str, object], column: str, record: Record) -> Message:
    if turn.get("from") is not None:  # a Dataset has both names in every turn, one of them null
        role = _SHAREGPT_ROLES.get(str(turn["from"]))
        content = turn.get("value")
    else:
        role = str(turn["role"]) if isinstance(turn.get("role"), str) else None
        content = turn.get("content")
    if role is None:
        raise InputError(
            f"{record.place}: a message in {column!r} has no role that is known.",
            'Write messages as {"role": "user", "content": ...}, with the roles system, user, '
            "assistant and tool.",
        )
    message: dict[str, object] = {
        key: value
        for key, value in turn.items()
        if key not in {"from", "value", "role", "content"} and value is not None
    }
    message = {"role": role, "content": _content(content, column, record), **message}
    record.check_unicode(json.dumps(message, ensure_ascii=False, default=str), column)
    return message


def _content(content: object, column: str, record: Record) -> object:
    """A message's text, or null as it is; a list where it holds more than text."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        if len(parts) != len(content) or not all(isinstance(part, str) for part in parts):
            return content
        return "".join(str(part) for part in parts)
    if content is not None and not isinstance(content, str):
        raise InputError(
            f"{record.place}: a message in {column!r} has content of type "
            f"{type(content).__name__}; text is needed.",
            "Mend the message, or remove the row.",
        )
    return content


def _shared_start(chosen: Sequence[object], rejected: Sequence[object]) -> int:
    """Where the answers part, at the latest at the shorter one's last item, as in TRL."""
    shorter = min(len(chosen), len(rejected))
    for position in range(shorter):
        if chosen[position] != rejected[position]:
            return position
    return max(0, shorter - 1)


def _tools(record: Record) -> list[Mapping[str, object]] | None:
    tools = record.fields.get("tools")
    if isinstance(tools, str) and tools.strip():
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{record.place}: column 'tools' isn't valid JSON ({error}).",
                "Write the tools as a list of JSON schemas.",
            ) from None
    if not tools:
        return None
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise record.type_error("tools", "a list of JSON schemas")
    record.check_unicode(json.dumps(tools, ensure_ascii=False, default=str), "tools")
    return tools
