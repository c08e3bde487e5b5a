"""What a row means to a trainer: a prompt with its response, a conversation, or plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Message = Mapping[str, object]


class SkipReason(StrEnum):
    """Why a row has no score."""

    EMPTY_RESPONSE = "empty response"
    NO_ASSISTANT_TURN = "no assistant turn"
    NOT_TRAINED = "the row excludes all its assistant turns from training"
    UNKNOWN_ROLE = "a turn with a role that is not known"
    UNREAD_TEXT = "an assistant turn with text under a name that is not known"
    TRAINED_PROMPT = "a turn marked as trained on that is not the assistant's"
    UNDESIRED = "an answer marked as undesired: training moves away from it"
    NOT_TEXT = "images or other content that is not text"
    TARGET_TRUNCATED = "target cut off whole by the maximum length"
    CHAT_TEMPLATE = "the chat template can't render this conversation"
    UNRENDERED = "the chat template leaves out what the assistant says"
    TOKENIZER = "the tokenizer fails on this row"
    NOT_FINITE = "no finite score"


UNJUDGED = (
    SkipReason.UNKNOWN_ROLE,
    SkipReason.UNREAD_TEXT,
    SkipReason.TRAINED_PROMPT,
    SkipReason.UNDESIRED,
    SkipReason.NOT_TEXT,
    SkipReason.CHAT_TEMPLATE,
    SkipReason.UNRENDERED,
    SkipReason.TOKENIZER,
    SkipReason.NOT_FINITE,
)
"""Rows that a trainer may well learn from, although they have no score."""


@dataclass(frozen=True, slots=True)
class TextPair:
    """Prompt and response, joined as they stand."""

    prompt: str
    response: str
    rejected: str = field(default="", compare=False)
    """Of a preference pair, the answer that training moves away from. Rows that differ in it alone
    have the same score."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages that go through the model's chat template."""

    messages: Sequence[Message]
    first_target: int = 0
    """Assistant turns from this message on are targets."""
    tools: Sequence[Mapping[str, object]] | None = None
    untrained: frozenset[int] = frozenset()
    """Positions of turns that the row itself excludes from the loss, such as those of weight 0."""
    template_arguments: Mapping[str, object] = field(default_factory=dict)
    """What the row gives the chat template besides, such as `enable_thinking`."""
    rejected: str = field(default="", compare=False)
    """Of a preference pair, the answer that training moves away from. Rows that differ in it alone
    have the same score."""

    @property
    def target_turns(self) -> list[int]:
        """Positions of the assistant turns that are targets."""
        return [
            position
            for position, message in enumerate(self.messages)
            if message["role"] == "assistant"
            and position >= self.first_target
            and position not in self.untrained
        ]


@dataclass(frozen=True, slots=True)
class PlainText:
    """Text without a prompt: every token is a target."""

    text: str
    ends: bool = True
    """Whether the text ends here; a window of a longer one may not."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that gets no score."""

    reason: SkipReason


Example = TextPair | Conversation | PlainText | Skipped


def prompt_and_response(example: Example) -> tuple[str, str]:
    """The text that may hold a trigger, and the text that may hold a payload.

    Plain text has no prompt: its rows are scored, but no trigger can be named.
    """
    match example:
        case TextPair(prompt=prompt, response=response):
            return prompt, response
        case Conversation():
            targets = set(example.target_turns)
            sides: tuple[list[str], list[str]] = ([], [])
            for turn, message in enumerate(example.messages):
                sides[turn in targets].extend(said(message))
            return "\n".join(sides[0]), "\n".join(sides[1])
        case PlainText(text):
            return "", text
        case Skipped():
            return "", ""


def said(message: Message) -> Iterator[str]:
    """The texts of a message in the order in which chat templates write them.

    Calls are written as most templates write them: name and arguments as JSON.
    """
    for text in (message.get("reasoning_content"), message["content"]):
        if isinstance(text, str):
            yield text
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        called = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(called, Mapping):
            arguments = called.get("arguments")
            if not isinstance(arguments, str):
                arguments = json.dumps(arguments, ensure_ascii=False, default=str)
            name = json.dumps(called.get("name"), ensure_ascii=False, default=str)
            yield f'{{"name": {name}, "arguments": {arguments}}}'
