"""A row's whole text in turns, with its trigger and its payload marked in place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gradsentry.detectors import TriggerSpan
from gradsentry.records import Conversation, Example, Message, PlainText, Skipped, TextPair
from gradsentry.records.example import said
from gradsentry.report import ScanReport
from gradsentry.words import by_itself, trigger_parts

_SHOWN = ("role", "content", "reasoning_content", "tool_calls")
_Span = tuple[int, int]


class Mark(StrEnum):
    """What a stretch of text is."""

    PLAIN = "plain"
    TRIGGER = "trigger"
    PAYLOAD = "payload"


@dataclass(frozen=True)
class Piece:
    """A stretch of a turn."""

    text: str
    mark: Mark


@dataclass(frozen=True)
class MarkedTurn:
    """One turn of a row: a message, or the prompt or response of a pair."""

    role: str
    pieces: tuple[Piece, ...]
    """All of its text, in order."""
    is_guilty: bool
    """Whether the detector speaks of this turn."""


def mark_row(report: ScanReport, row: int, example: Example) -> list[MarkedTurn]:
    """The turns of a row, with the places that the findings name."""
    found = report.findings
    payload = trigger = words = None
    guilty = -1
    if found is not None and found.rows.groups[row] >= 0:
        start, end = int(found.rows.payload_starts[row]), int(found.rows.payload_ends[row])
        payload = (start, end) if start >= 0 else None
        trigger, words = found.rows.spans[row], found.rows.triggers[row]
        guilty = int(found.rows.messages[row])
    match example:
        case TextPair():
            asked = _trigger_places(example.prompt, None, trigger, words)
            return [
                MarkedTurn("prompt", _pieces(example.prompt, asked, []), False),
                _answer("response", example.response, [], payload),
                *_rejected(example.rejected),
            ]
        case PlainText():
            # A place in a document may count from elsewhere, so its words are sought.
            asked = _trigger_places(example.text, None, None, words)
            return [_answer("text", example.text, asked, payload)]
        case Conversation():
            turns = _conversation(example, payload, trigger, words, guilty)
            return [*turns, *_rejected(example.rejected)]
        case Skipped():
            return []


def _answer(role: str, text: str, triggers: Sequence[_Span], payload: _Span | None) -> MarkedTurn:
    marked = [] if payload is None else [payload]
    return MarkedTurn(role, _pieces(text, triggers, marked), payload is not None)


def _rejected(text: str) -> list[MarkedTurn]:
    """Of a preference pair, the answer that training moves away from."""
    return [MarkedTurn("rejected answer", (Piece(text, Mark.PLAIN),), False)] if text else []


def _conversation(
    example: Conversation,
    payload: _Span | None,
    trigger: TriggerSpan | None,
    words: str | None,
    guilty: int,
) -> Iterator[MarkedTurn]:
    targets = set(example.target_turns)
    offset = 0  # in the response, which is all that the targets say
    for position, message in enumerate(example.messages):
        texts = list(said(message))
        text = "\n".join(texts)
        own: list[_Span] = []
        if position in targets and texts:
            if payload is not None:
                own = [(payload[0] - offset, payload[1] - offset)]
            offset += len(text) + 1
        asked: list[_Span] = []
        if position not in targets:
            asked = _trigger_places(text, position, trigger, words, _content_at(message))
        pieces = _pieces(text, asked, own)
        holds = any(piece.mark is Mark.PAYLOAD for piece in pieces)
        yield MarkedTurn(str(message["role"]), pieces + _rest(message), holds or position == guilty)


def _content_at(message: Message) -> int:
    """Where the content starts in what a message says."""
    thought = message.get("reasoning_content")
    return len(thought) + 1 if isinstance(thought, str) else 0


def _rest(message: Message) -> tuple[Piece, ...]:
    """What a message carries besides what it says."""
    rest = {name: value for name, value in message.items() if name not in _SHOWN and value}
    if not rest:
        return ()
    return (Piece("\n" + json.dumps(rest, ensure_ascii=False, default=str), Mark.PLAIN),)


def _trigger_places(
    text: str,
    position: int | None,
    trigger: TriggerSpan | None,
    words: str | None,
    offset: int = 0,
) -> list[_Span]:
    """Where the trigger stands in a text; where its parts stand apart, each of them."""
    if trigger is not None:
        if trigger.message != position:
            return []
        return [(trigger.start + offset, trigger.end + offset)]
    return [
        found.span()
        for part in dict.fromkeys(trigger_parts(words))
        for found in re.finditer(by_itself(part), text, re.IGNORECASE)
    ]


def _pieces(text: str, triggers: Sequence[_Span], payloads: Sequence[_Span]) -> tuple[Piece, ...]:
    """A text cut where marks begin and end; of marks that overlap the first one stands."""
    spans = sorted(
        [(start, end, Mark.TRIGGER) for start, end in triggers]
        + [(start, end, Mark.PAYLOAD) for start, end in payloads]
    )
    found: list[Piece] = []
    done = 0
    for start, end, mark in spans:
        start, end = max(start, done), min(end, len(text))
        if start < end:
            found += [Piece(text[done:start], Mark.PLAIN), Piece(text[start:end], mark)]
            done = end
    found.append(Piece(text[done:], Mark.PLAIN))
    return tuple(piece for piece in found if piece.text)
