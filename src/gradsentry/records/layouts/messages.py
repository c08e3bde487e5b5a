"""Messages in whatever naming they come, as chat templates read them.

A turn may name its speaker (`role`, `from`) and say something (`content`, `value`, ...), or have
its speakers as keys: `{"human": ..., "assistant": ...}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradsentry.errors import InputError
from gradsentry.records.example import Conversation, Example, Message, Skipped, SkipReason
from gradsentry.records.layouts.message_content import (
    Content,
    call_hides_text,
    read_parts,
    tool_calls,
)
from gradsentry.records.layouts.transcripts import split_transcript
from gradsentry.records.layouts.vocabulary import MEDIA, fold, holds_text, holds_words, is_metadata
from gradsentry.records.record import Record

USER, ASSISTANT, SYSTEM, TOOL = "user", "assistant", "system", "tool"

_ROLES = {
    name: role
    for role, names in {
        USER: "user human prompter usr question input instruction query",
        ASSISTANT: "assistant gpt model bot chatbot ai ai_assistant chatgpt gpt4 gpt_4 gpt_3.5 "
        "bard bing claude gemini llm agent function_call tool_call answer output response",
        SYSTEM: "system developer system_prompt",
        TOOL: "tool observation function function_response function_result tool_response "
        "tool_result tool_output ipython",
    }.items()
    for name in names.split()
}

ROLE_KEYS = ("from", "role", "speaker", "sender")
CONTENT_KEYS = ("content", "value", "text", "message")
_REASONING_KEYS = ("reasoning_content", "reasoning", "thinking", "thought")
_TRAIN_KEYS = ("train", "training", "train_on_turn", "loss_weight", "loss")
"""Whether a turn is trained on, whoever speaks."""
_WEIGHT_KEYS = (*_TRAIN_KEYS, "weight")
_MASK_KEYS = ("masked", "mask")
_DETAIL = "train_detail"
_CALL_KEYS = ("tool_calls", "function_call")
_NOTES = frozenset({"metadata", "meta", "usage", "logprobs"})
"""Keys with lists and mappings that describe a turn."""
_READ_KEYS = frozenset(
    {
        *ROLE_KEYS,
        *CONTENT_KEYS,
        *_REASONING_KEYS,
        *_WEIGHT_KEYS,
        *_MASK_KEYS,
        *_CALL_KEYS,
        _DETAIL,
        "refusal",
        "tool_plan",  # Cohere's templates write it
    }
)


def role_of(name: str) -> str | None:
    """The role that a speaker's name stands for, as chat templates name it; None if unknown."""
    folded = name.strip(" :<|>").casefold()
    return _ROLES.get(folded.replace("-", "_").replace(" ", "_"))


def speaker_key(turn: Mapping[str, object]) -> str | None:
    """The key that names who speaks."""
    # A Dataset has both names in every turn, one of them null.
    return next((key for key in ROLE_KEYS if isinstance(turn.get(key), str)), None)


def content_key(turn: Mapping[str, object]) -> str:
    """The key of what is said: the first that isn't empty."""
    keys = CONTENT_KEYS if turn.get("from") is None else ("value", "content", *CONTENT_KEYS[2:])
    filled = [key for key in keys if turn.get(key) not in (None, "")]
    there = [key for key in keys if turn.get(key) is not None]
    return (filled or there or [keys[0]])[0]


def spoken(turn: Mapping[str, object]) -> list[tuple[str | None, str]]:
    """Role and key of all that a turn says; a role of None is unknown.

    Empty if the turn doesn't say who speaks.
    """
    if (key := speaker_key(turn)) is not None:
        return [(role_of(str(turn[key])), content_key(turn))]
    said = [key for key, value in turn.items() if isinstance(value, str) and value]
    roles = [(role_of(key), key) for key in said]
    return [] if any(role is None for role, _ in roles) else list(roles)


@dataclass(frozen=True)
class Turns:
    """Messages, and what the row says of them."""

    messages: Sequence[Message] = ()
    untrained: frozenset[int] = frozenset()
    problem: SkipReason | None = None
    """Why the row can't be judged, although it may be trained on."""

    def __add__(self, other: Turns) -> Turns:
        shifted = {len(self.messages) + turn for turn in other.untrained}
        return Turns(
            [*self.messages, *other.messages],
            self.untrained | shifted,
            self.problem or other.problem,
        )

    def after(self, count: int) -> Turns:
        """Without the first `count` messages."""
        kept = frozenset(turn - count for turn in self.untrained if turn >= count)
        return Turns(self.messages[count:], kept, self.problem)

    def with_system(self, text: str) -> Turns:
        """With a system prompt before them, unless they have one."""
        if not text or (self.messages and self.messages[0]["role"] == SYSTEM):
            return self
        return Turns([said_by(SYSTEM, text)]) + self

    def conversation(
        self,
        first_target: int = 0,
        tools: Sequence[Mapping[str, object]] | None = None,
        arguments: Mapping[str, object] | None = None,
    ) -> Example:
        """What they mean to a trainer.

        **Arguments:**

        - `first_target`: assistant turns from this message on are targets.
        - `arguments`: what the row gives the chat template besides.
        """
        if self.problem is not None:
            return Skipped(self.problem)
        return Conversation(self.messages, first_target, tools, self.untrained, arguments or {})


def said_by(role: str, text: str) -> Message:
    """A message of text."""
    return {"role": role, "content": text}


def turns_in(record: Record, column: str) -> Turns:
    """The messages in a column.

    **Raises:**

    `InputError` if there are none to read.
    """
    return read_turns(record.value(column), record, column)


def answer_in(record: Record, column: str) -> Turns:
    """The messages of an answer; a text is one of the assistant's.

    **Raises:**

    `InputError` if there are none to read.
    """
    if isinstance(record.fields.get(column), str):
        return Turns([said_by(ASSISTANT, record.text(column))])
    return turns_in(record, column)


def read_turns(value: object, record: Record, column: str) -> Turns:
    """The messages in a value: a list of turns, one turn, or null for none.

    **Raises:**

    `InputError` for another value, or a turn that doesn't say who speaks.
    """
    listed = parse_turns(value)
    turns = [listed] if isinstance(listed, Mapping) else [] if listed is None else listed
    if column == "conversations" and isinstance(turns, list) and _are_texts(turns):
        turns = [
            {"role": (USER, ASSISTANT)[number % 2], "content": text}
            for number, text in enumerate(turns)
        ]
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise record.type_error(column, "a list of messages, or its JSON,")
    messages: list[Message] = []
    untrained: set[int] = set()
    first_problem = None
    for turn in map(_with_known_keys, turns):
        for role, message, problem in _said(turn, record, column):
            first_problem = first_problem or problem
            if _is_excluded(turn):
                untrained.add(len(messages))
            record.check_unicode(json.dumps(message, ensure_ascii=False, default=str), column)
            messages.append({"role": role, **message})
    return Turns(messages, frozenset(untrained), first_problem)


def parse_turns(value: object) -> object:
    """Messages that come as JSON, as in CSV files, or as one text; any other value as it is."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return split_transcript(value) or value
    try:
        turns = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return turns if all(isinstance(turn, Mapping) for turn in turns) else value


def _are_texts(turns: Sequence[object]) -> bool:
    return len(turns) > 0 and all(isinstance(turn, str) for turn in turns)


def _with_known_keys(turn: Mapping[str, object]) -> Mapping[str, object]:
    """A turn with `Role` and the like under the names that are known."""
    if spoken(turn):
        return turn
    folded = [fold(key) for key in turn]
    return {
        fold(key) if fold(key) in _READ_KEYS and folded.count(fold(key)) == 1 else key: value
        for key, value in turn.items()
    }


def _said(
    turn: Mapping[str, object], record: Record, column: str
) -> Iterator[tuple[str, dict[str, object], SkipReason | None]]:
    """Role, message without its role, and problem of all that a turn says."""
    if not (said := spoken(turn)):
        raise InputError(
            f"{record.location}: a message in {column!r} has no role that is known.",
            'Write messages as {"role": "user", "content": ...}, with the roles system, user, '
            "assistant and tool.",
        )
    if speaker_key(turn) is None:
        is_hiding = any(
            not isinstance(value, str) and holds_words(value) and not _describes(key, value)
            for key, value in turn.items()
        )
        for role, key in said:
            yield str(role), {"content": turn[key]}, SkipReason.UNREAD_TEXT if is_hiding else None
        return
    role, key = said[0]
    message, problem, is_hiding = _message(turn, key, record, column)
    if role is None:
        yield str(turn[str(speaker_key(turn))]), message, SkipReason.UNKNOWN_ROLE
        return
    is_read = role != ASSISTANT and holds_text(turn.get(key))
    if problem is None and not is_read and (is_hiding or _hides_text(turn, key)):
        problem = SkipReason.UNREAD_TEXT
    if problem is None and role != ASSISTANT and any(_is_on(turn.get(key)) for key in _TRAIN_KEYS):
        problem = SkipReason.TRAINED_PROMPT
    yield role, message, problem


def _message(
    turn: Mapping[str, object], key: str, record: Record, column: str
) -> tuple[dict[str, object], SkipReason | None, bool]:
    """A turn's message without its role, whether it holds more than text, and whether its parts
    or its thoughts say more than the message."""
    problem = None
    said = turn.get(key)
    content: object = said
    found = Content()
    if isinstance(said, Mapping):
        said = [said]
    if isinstance(said, list):
        parts = read_parts(said)
        if parts is None:
            problem = SkipReason.NOT_TEXT
        else:
            found = parts
            content = "".join(parts.texts)
    elif said is not None and not isinstance(said, str):
        raise InputError(
            f"{record.location}: a message in {column!r} has content of type "
            f"{type(said).__name__}; text is needed.",
            "Mend the message, or remove the row.",
        )
    if not content and isinstance(turn.get("refusal"), str):
        content = turn["refusal"]
    if any(holds_text(turn.get(medium)) for medium in MEDIA):
        problem = SkipReason.NOT_TEXT
    left_out = {*ROLE_KEYS, *CONTENT_KEYS, *_WEIGHT_KEYS, *_MASK_KEYS, *_CALL_KEYS, _DETAIL}
    message: dict[str, object] = {"content": content}
    message |= {
        name: value for name, value in turn.items() if name not in left_out and value is not None
    }
    thoughts = [turn[name] for name in _REASONING_KEYS if holds_text(turn.get(name))]
    if found.thoughts:
        thoughts.insert(0, "".join(found.thoughts))
    if thoughts and isinstance(thoughts[0], str):
        message["reasoning_content"] = thoughts[0]
    calls = [*found.calls, *_calls(turn)]
    if calls:
        message["tool_calls"] = calls
    is_hiding = found.hides_text or any(thought != thoughts[0] for thought in thoughts)
    return message, problem, is_hiding


def _calls(turn: Mapping[str, object]) -> list[Mapping[str, object]]:
    held = [turn[name] for name in _CALL_KEYS if turn.get(name)]
    return [call for value in held for call in _calls_in(value) or ()]


def _calls_in(value: object) -> list[Mapping[str, object]] | None:
    """Calls of a turn; those in a form of their own stay as they are, for the template to read."""
    if (calls := tool_calls(value)) is not None:
        return calls
    is_list = isinstance(value, list) and all(isinstance(call, Mapping) for call in value)
    return value if is_list else None  # type: ignore[return-value]


def _hides_text(turn: Mapping[str, object], content: str) -> bool:
    """Whether a turn has text that no trainer's naming accounts for."""
    for key, value in turn.items():
        if key == content or not holds_text(value):
            continue
        if key in _CALL_KEYS:
            is_raw = tool_calls(value) is None  # templates read calls of a known form alone
            if _calls_in(value) is None or (is_raw and holds_words(value)):
                return True
            if call_hides_text(value):
                return True
        elif key in CONTENT_KEYS or (key == "refusal" and holds_text(turn.get(content))):
            if value != turn.get(content):
                return True
        elif key in _READ_KEYS - {_DETAIL}:
            if not isinstance(value, str) and holds_words(value):
                return True
        elif key != _DETAIL and not _describes(key, value) and holds_words(value):
            return True
    return False


def _describes(key: str, value: object) -> bool:
    """Whether a key's value describes its turn and is no part of it."""
    return is_metadata(key) or key in MEDIA or (key in _NOTES and not isinstance(value, str))


def _is_excluded(turn: Mapping[str, object]) -> bool:
    """Whether the row excludes a turn from the loss.

    Where only parts of it are excluded, the turn counts as trained on.
    """
    marks = [turn[key] for key in _WEIGHT_KEYS if turn.get(key) is not None]
    if any(not _is_on(mark) for mark in marks) or any(_is_on(turn.get(key)) for key in _MASK_KEYS):
        return True
    details = turn.get(_DETAIL)
    if marks or not isinstance(details, list) or not details:
        return False
    return not any(
        _is_on(detail.get("train", True)) for detail in details if isinstance(detail, Mapping)
    )


def _is_on(mark: object) -> bool:
    if isinstance(mark, str):
        return mark.strip().casefold() not in ("", "0", "0.0", "false")
    return mark is not None and mark != 0
