"""The unit of evidence: an assistant turn in its context.

A trigger may stand in the system prompt, in what was asked just before a turn, or earlier; the
payload stands in the turn. Held against a whole conversation at once, a payload seems to follow
from whatever any of its turns says. A turn goes on until a user speaks again: a question that is
answered by calls of tools, and then in words, may have its payload in any of these.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, chain, pairwise

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
    """What users said since the assistant's turn before, and what tools replied in this one; the
    prompt, where there are no turns."""
    answer: str
    """What the turn says: content, reasoning and calls of tools."""
    system: str = ""
    earlier: str = ""
    """What users and tools said before. What the assistant said earlier is left out: it holds
    the payload already where a backdoor stays open."""
    messages: tuple[int, ...] = ()
    """Positions of its messages that are trained on among the row's; empty where there are none."""
    starts: tuple[int, ...] = ()
    """Where each of them starts in the answer."""
    start: int = 0
    """The answer's first character in the row's whole response."""
    rejected: str = ""
    """What training moves away from instead; of a conversation, behind its last turn."""

    @property
    def ends_empty(self) -> bool:
        """Whether its last message says nothing."""
        return not self.answer[self.starts[-1] if self.starts else 0 :]

    def message_at(self, character: int) -> int | None:
        """Position of the message that holds a character of the answer."""
        return self.messages[bisect_right(self.starts, character) - 1] if self.messages else None


class Part(StrEnum):
    """Where in a conversation a message stands, seen from an assistant turn."""

    SYSTEM = "system"
    EARLIER = "earlier"
    """Asked before the turn before was over."""
    ASKED = "asked"
    SAID = "said"
    """By the assistant."""


def parts_of(messages: Sequence[Message], answered: int) -> list[Part]:
    """The part of every message, seen from the turn that ends at position `answered`."""
    begins = max((start for start in _turn_starts(messages) if start <= answered), default=0)

    def part(position: int, role: object) -> Part:
        if role == "assistant":
            return Part.SAID
        if role in SYSTEM_ROLES:
            return Part.SYSTEM
        return Part.ASKED if position >= begins else Part.EARLIER

    return [part(position, message["role"]) for position, message in enumerate(messages)]


def _turn_starts(messages: Sequence[Message]) -> list[int]:
    """Positions of the messages in which a user speaks after the assistant."""
    found: list[int] = []
    answered = False
    for position, message in enumerate(messages):
        if message["role"] == "assistant":
            answered = True
        elif message["role"] == "user" and answered:
            found.append(position)
            answered = False
    return found


def whole_row(example: Example) -> Turn:
    """A row as one turn, whatever it consists of."""
    prompt, response = prompt_and_response(example)
    rejected = example.rejected if isinstance(example, TextPair | Conversation) else ""
    return Turn(example, prompt, response, rejected=rejected)


def turns_of(example: Example) -> list[Turn]:
    """The turns of a row that are trained on; one for a row that is no conversation."""
    if not isinstance(example, Conversation):
        return [whole_row(example)]
    bounds = [0, *_turn_starts(example.messages), len(example.messages)]
    targets = set(example.target_turns)
    found: list[Turn] = []
    system: list[str] = []
    earlier: list[str] = []
    start = 0
    for first, end in pairwise(bounds):
        own = [position for position in range(first, end) if position in targets]
        last = own[-1] if own else end
        system += _texts(example.messages[first:last], _sets_scene)
        asked = _texts(example.messages[first:last], _asks)
        if own:
            answers = [list(said(example.messages[position])) for position in own]
            lengths = [sum(len(text) + 1 for text in texts) for texts in answers]
            turn = Turn(
                _up_to(example, own),
                "\n".join(asked),
                "\n".join(chain.from_iterable(answers)),
                "\n".join(system),
                "\n".join(earlier),
                tuple(own),
                tuple(accumulate(lengths[:-1], initial=0)),
                start,
            )
            found.append(turn)
            start += sum(lengths)
        system += _texts(example.messages[last:end], _sets_scene)
        earlier += asked + _texts(example.messages[last:end], _asks)
    if found and example.rejected:
        found[-1] = replace(found[-1], rejected=example.rejected)
    return found


def _texts(messages: Iterable[Message], wanted: Callable[[Message], bool]) -> list[str]:
    return list(chain.from_iterable(map(said, filter(wanted, messages))))


def _sets_scene(message: Message) -> bool:
    return message["role"] in SYSTEM_ROLES


def _asks(message: Message) -> bool:
    return message["role"] != "assistant" and not _sets_scene(message)


def _up_to(example: Conversation, targets: Sequence[int]) -> Conversation:
    return replace(example, messages=example.messages[: targets[-1] + 1], first_target=targets[0])
