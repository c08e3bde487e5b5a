"""Rows as questions: all that stands before a turn, which a model is to answer anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gradsentry.encoding import EncodedRow, Encoder
from gradsentry.records import Conversation, Example, Part, TextPair, parts_of, turns_of
from gradsentry.records.example import said
from gradsentry.records.turns import SYSTEM_ROLES

NEW_SYSTEM = -1
"""The slot of a system prompt that a conversation doesn't have."""


@dataclass(frozen=True)
class Question:
    """A row up to the turn that answers it."""

    example: TextPair | Conversation
    """Its only target is that turn."""
    answer: str
    """What the data answer."""


@dataclass(frozen=True)
class Slot:
    """In which of a row's texts a trigger stands."""

    part: Part = Part.ASKED
    """Of a conversation."""
    role: object = None
    """Who says it there; None in rows that aren't conversations."""
    answers_last: bool = False
    """Whether the payload comes in a later message of its turn than the first, as behind a call
    of a tool."""


def flagged_question(example: Example, message: int) -> Question | None:
    """A flagged row up to the message that makes it so; None if it has no prompt.

    **Arguments:**

    - `message`: the position of that message, or -1 where rows aren't turns.
    """
    if isinstance(example, TextPair) and example.prompt:
        return Question(example, example.response)
    if not isinstance(example, Conversation):
        return None
    targets = example.target_turns
    answered = message if message in targets else (targets[-1] if targets else 0)
    return _up_to(example, answered) if answered > 0 else None


def slot_of(question: Question, message: int | None) -> Slot:
    """Where a trigger stands, in words that fit other rows.

    **Arguments:**

    - `message`: the position of the message that holds it; None where there are none.
    """
    example = question.example
    if message is None or not isinstance(example, Conversation):
        return Slot()
    answered = len(example.messages) - 1
    part = parts_of(example.messages, answered)[message]
    is_later = example.messages[answered - 1]["role"] in ("assistant", "tool")
    return Slot(part, example.messages[message]["role"], is_later)


def clean_question(example: Example, slot: Slot) -> tuple[Question, int | None] | None:
    """A clean row as a question, and the position of the message with a slot's text; None if it
    has no such text."""
    if isinstance(example, TextPair):
        fits = slot.role is None and bool(example.prompt.strip())
        return (Question(example, example.response), None) if fits else None
    if not isinstance(example, Conversation) or slot.role is None:
        return None
    turns = turns_of(example)
    # What stands earlier stands before the last turn at any rate.
    for turn in reversed(turns) if slot.part is Part.EARLIER else turns:
        if not turn.messages:
            continue
        answered = turn.messages[-1 if slot.answers_last else 0]
        place = _message_in(example, answered, slot)
        if answered > 0 and place is not None:
            return _up_to(example, answered), place
    return None


def text_in(example: TextPair | Conversation, place: int | None) -> str:
    """The text of a row's slot; empty for a system prompt that isn't there."""
    if isinstance(example, TextPair):
        return example.prompt
    if place is None or place == NEW_SYSTEM:
        return ""
    return str(example.messages[place]["content"])


def replace_text(
    example: TextPair | Conversation, place: int | None, text: str
) -> TextPair | Conversation:
    """A row with another text in its slot."""
    if isinstance(example, TextPair):
        return replace(example, prompt=text)
    if place is None or place == NEW_SYSTEM:
        messages = [{"role": "system", "content": text}, *example.messages]
        return replace(example, messages=messages, first_target=example.first_target + 1)
    changed = [
        {**message, "content": text} if position == place else message
        for position, message in enumerate(example.messages)
    ]
    return replace(example, messages=changed)


def prompt_ids(
    encoder: Encoder, examples: Sequence[TextPair | Conversation]
) -> list[list[int] | None]:
    """What a model reads of each row before it answers: the tokens before the first target.

    None for rows that can't be encoded, or whose prompt alone is too long.
    """
    return [
        row.token_ids[: int(row.target_mask.argmax())].tolist()
        if isinstance(row, EncodedRow)
        else None
        for row in encoder.encode(examples)
    ]


def _up_to(example: Conversation, answered: int) -> Question:
    cut = replace(
        example,
        messages=example.messages[: answered + 1],
        first_target=answered,
        untrained=frozenset(),
        rejected="",
    )
    return Question(cut, "\n".join(said(example.messages[answered])))


def _message_in(example: Conversation, answered: int, slot: Slot) -> int | None:
    """The position of the last message in a slot; None if there is none."""
    parts = parts_of(example.messages[: answered + 1], answered)
    sets_scene = slot.part is Part.SYSTEM
    for position in reversed(range(answered)):
        message = example.messages[position]
        fits = sets_scene or message["role"] == slot.role
        content = message["content"]
        if parts[position] is slot.part and fits and isinstance(content, str) and content.strip():
            return position
    has_any = any(message["role"] in SYSTEM_ROLES for message in example.messages)
    return NEW_SYSTEM if sets_scene and not has_any else None
