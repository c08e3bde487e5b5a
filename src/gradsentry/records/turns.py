"""The unit of evidence: an assistant turn in its context.

A trigger may stand in the system prompt, in what was asked just before a turn, or earlier; the
payload stands in the turn. Held against a whole conversation at once, a payload seems to follow
from whatever any of its turns says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from gradsentry.records.example import (
    Conversation,
    Example,
    Message,
    TextPair,
    prompt_and_response,
    said,
)

SYSTEM_ROLES = ("system", "developer")
"""Who sets the scene, and asks nothing."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An assistant turn that is trained on, with what stands before it."""

    example: Example
    """The row up to this turn, which is its only target."""
    asked: str
    """What users and tools said since the assistant spoke last; the prompt, where there are no
    turns."""
    answer: str
    """What the turn says: content, reasoning and calls of tools."""
    system: str = ""
    earlier: str = ""
    """What users and tools said before. What the assistant said earlier is left out: it holds
    the payload already where a backdoor stays open."""
    message: int | None = None
    """Position among the row's messages."""
    start: int = 0
    """The answer's first character in the row's whole response."""
    rejected: str = ""
    """What training moves away from instead; of a conversation, behind its last turn."""


class Part(StrEnum):
    """Where in a conversation a message stands, seen from an assistant turn."""

    SYSTEM = "system"
    EARLIER = "earlier"
    """Asked before the assistant spoke last."""
    ASKED = "asked"
    SAID = "said"
    """By the assistant."""


def parts_of(messages: Sequence[Message], answered: int) -> list[Part]:
    """The part of every message, seen from the turn at position `answered`."""
    spoken = [n for n, message in enumerate(messages[:answered]) if message["role"] == "assistant"]
    since = spoken[-1] if spoken else -1

    def part(position: int, role: object) -> Part:
        if role == "assistant":
            return Part.SAID
        if role in SYSTEM_ROLES:
            return Part.SYSTEM
        return Part.ASKED if position > since else Part.EARLIER

    return [part(position, message["role"]) for position, message in enumerate(messages)]


def whole_row(example: Example) -> Turn:
    """A row as one turn, whatever it consists of."""
    prompt, response = prompt_and_response(example)
    rejected = example.rejected if isinstance(example, TextPair | Conversation) else ""
    return Turn(example, prompt, response, rejected=rejected)


def turns_of(example: Example) -> list[Turn]:
    """The turns of a row that are trained on; one for a row that is no conversation."""
    if not isinstance(example, Conversation):
        return [whole_row(example)]
    targets = set(example.target_turns)
    found: list[Turn] = []
    system: list[str] = []
    earlier: list[str] = []
    asked: list[str] = []
    start = 0
    for position, message in enumerate(example.messages):
        texts = list(said(message))
        if message["role"] in SYSTEM_ROLES:
            system += texts
        elif message["role"] != "assistant":
            asked += texts
        else:
            if position in targets:
                answer = "\n".join(texts)
                found.append(
                    Turn(
                        _up_to(example, position),
                        "\n".join(asked),
                        answer,
                        "\n".join(system),
                        "\n".join(earlier),
                        position,
                        start,
                    )
                )
                start += len(answer) + bool(texts)
            earlier += asked
            asked = []
    if found and example.rejected:
        found[-1] = replace(found[-1], rejected=example.rejected)
    return found


def _up_to(example: Conversation, position: int) -> Conversation:
    return replace(
        example,
        messages=example.messages[: position + 1],
        first_target=position,
        untrained=frozenset(),
    )
