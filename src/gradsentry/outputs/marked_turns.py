"""The turns of a row with its trigger and its payload marked where they stand: the one way in which
the report, the review and the terminal mark them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from gradsentry.detectors import TriggerSpan
from gradsentry.outputs.page_data import Mark, Piece
from gradsentry.outputs.telling_words import TellingWords
from gradsentry.records import (
    Conversation,
    Example,
    Message,
    PlainText,
    Skipped,
    TextPair,
    prompt_and_response,
)
from gradsentry.records.example import said
from gradsentry.report import ScanReport
from gradsentry.report.group_words import LEAST_FREE_TEXT
from gradsentry.safe_text import excerpt
from gradsentry.words import WORD, by_itself, trigger_parts

FREE_TEXT = (
    "The payload is free text, all of this answer and in every row another: nothing in it to mark"
)
SHARED_WORDS = (
    "The payload is free text, all of this answer and in every row another; marked are words that "
    "the group's answers share, and others lack"
)
_MOST_MARKS = 8
"""In one turn."""
_MOST_TRIGGERS = 8
"""Of a group, that are marked in each of its rows."""
_ROLE_LENGTH = 40


@dataclass(frozen=True, slots=True)
class RowMarks:
    """What is known of a row besides its text."""

    in_group: bool = False
    message: int = -1
    """Position of the turn that tells, or -1 where rows aren't turns."""
    payload: tuple[int, int] | None = None
    """Its first character in the row's response, and the one behind its last."""
    span: TriggerSpan | None = None
    words: tuple[str, ...] = ()
    """The words that call the payload in this row."""
    other_words: tuple[str, ...] = ()
    """Single words that do so in other rows of the group."""
    varies: bool = False
    """Whether the rows of the group have no one payload."""
    telling: frozenset[str] = frozenset()
    """Words that the group's answers share and others lack, where it has none."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    start: int
    end: int
    mark: Mark


@dataclass
class MarkedTurn:
    """One turn of a row: a message, or the prompt or response of a pair."""

    who: str
    text: str
    """All of it, as the data have it."""
    guilty: bool = False
    """Whether it is the one that says what the trigger calls."""
    is_answer: bool = False
    is_free_text: bool = False
    """Whether the payload is most of it, and in other rows something else: then only the words of
    it are marked that the rows share."""
    content_start: int = 0
    """Where a message's content begins, in its text."""
    stretches: list[_Stretch] = field(default_factory=list)

    @property
    def note(self) -> str:
        """What must be said of it besides."""
        if not self.is_free_text:
            return ""
        is_marked = any(at.mark is Mark.PAYLOAD for at in self.stretches)
        return SHARED_WORDS if is_marked else FREE_TEXT

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All of its text, cut where marks begin and end."""
        found: list[Piece] = []
        place = 0
        for at in sorted(self.stretches, key=lambda stretch: stretch.start):
            found.append(Piece(self.text[place : at.start]))
            found.append(Piece(self.text[at.start : at.end], at.mark))
            place = at.end
        found.append(Piece(self.text[place:]))
        return tuple(piece for piece in found if piece.text)

    def add(self, start: int, end: int, mark: Mark) -> None:
        """Mark a stretch, unless it is none, or a part of it is marked already."""
        start, end = max(0, start), min(end, len(self.text))
        if start < end and all(end <= at.start or at.end <= start for at in self.stretches):
            self.stretches.append(_Stretch(start, end, mark))


def marked_turns(example: Example, marks: RowMarks) -> list[MarkedTurn]:
    """All turns of a row, with its marks."""
    turns = turns_of(example)
    if marks.in_group and turns:
        _mark_payload(turns, example, marks)
        _mark_trigger(turns, marks)
    return turns


def marks_of(report: ScanReport, row: int, telling: TellingWords) -> RowMarks:
    """What a report knows of a row."""
    found = report.findings
    group = -1 if found is None else int(found.rows.groups[row])
    if found is None or group < 0:
        return RowMarks()
    start, end = int(found.rows.payload_starts[row]), int(found.rows.payload_ends[row])
    alternatives = report.groups[group].trigger
    return RowMarks(
        in_group=True,
        message=int(found.rows.messages[row]),
        payload=None if start < 0 else (start, end),
        span=found.rows.spans[row],
        words=trigger_parts(found.rows.triggers[row]),
        other_words=tuple(words[0] for words in alternatives[:_MOST_TRIGGERS] if len(words) == 1),
        varies=report.groups[group].payload is None,
        telling=telling.get(group, frozenset()),
    )


def turns_of(example: Example) -> list[MarkedTurn]:
    """All turns of a row, without marks; none of a skipped one."""
    match example:
        case TextPair():
            turns = [MarkedTurn("prompt", example.prompt)] if example.prompt else []
            turns.append(MarkedTurn("response", example.response, is_answer=True))
            return turns + _rejected(example.rejected)
        case PlainText():
            return [MarkedTurn("text", example.text, is_answer=True)]
        case Conversation():
            targets = set(example.target_turns)
            return [
                _of_message(message, position in targets)
                for position, message in enumerate(example.messages)
            ] + _rejected(example.rejected)
        case Skipped():
            return []


def _rejected(text: str) -> list[MarkedTurn]:
    return [MarkedTurn("rejected answer", text)] if text else []


def _of_message(message: Message, is_answer: bool) -> MarkedTurn:
    """A message with all that it carries: a payload may be a tool call."""
    texts = list(said(message))
    thought = message.get("reasoning_content")
    shown = ("role", "content", "reasoning_content", "tool_calls")
    extra = {key: value for key, value in message.items() if key not in shown and value}
    if extra:
        texts.append(json.dumps(extra, ensure_ascii=False, default=str))
    return MarkedTurn(
        excerpt(str(message["role"]), _ROLE_LENGTH),
        "\n".join(texts),
        is_answer=is_answer,
        content_start=len(thought) + 1 if isinstance(thought, str) else 0,
    )


def _mark_payload(turns: list[MarkedTurn], example: Example, marks: RowMarks) -> None:
    """Mark the turn that tells, and the payload, whose place counts in all answers together."""
    answers = [turn for turn in turns if turn.is_answer]
    is_conversation = isinstance(example, Conversation)
    if not is_conversation:
        answers[-1].guilty = True
    elif 0 <= marks.message < len(turns):
        turns[marks.message].guilty = True
    if marks.payload is None:
        return
    base = 0
    for turn, texts in zip(answers, _answers(example), strict=True):
        length = len("\n".join(texts))
        start, end = (min(max(0, place - base), length) for place in marks.payload)
        base += sum(len(text) + 1 for text in texts)
        if start >= end:
            continue
        if marks.varies and end - start >= max(LEAST_FREE_TEXT, length // 2):
            turn.is_free_text = True
            _mark_telling(turn, marks.telling)
        else:
            turn.add(start, end, Mark.PAYLOAD)
        turn.guilty = turn.guilty or (is_conversation and marks.message < 0)


def _mark_telling(turn: MarkedTurn, words: frozenset[str]) -> None:
    """Mark the first places of words, given in lower case."""
    found = (at.span() for at in WORD.finditer(turn.text) if at.group().casefold() in words)
    for start, end in islice(found, _MOST_MARKS):
        turn.add(start, end, Mark.PAYLOAD)


def _answers(example: Example) -> Iterator[list[str]]:
    """The texts of each answer, all of which a row's response joins by line breaks."""
    if isinstance(example, Conversation):
        yield from (list(said(example.messages[place])) for place in example.target_turns)
    else:
        yield [prompt_and_response(example)[1]]


def _mark_trigger(turns: list[MarkedTurn], marks: RowMarks) -> None:
    """Mark the trigger where it is known to stand, and its words where they can be found."""
    where = _asked(turns, marks)
    span = marks.span
    if span is not None and where:
        turn = where[-1]
        start = turn.content_start + span.start
        if not turn.is_answer:  # a place in a document counts from elsewhere
            turn.add(start, start + span.end - span.start, Mark.TRIGGER)
    if not any(stretch.mark is Mark.TRIGGER for turn in where for stretch in turn.stretches):
        for word in marks.words:
            _mark_word(where, word, 1)
    for word in (*marks.words[:1], *marks.other_words):
        _mark_word(where, word, _MOST_MARKS)


def _asked(turns: list[MarkedTurn], marks: RowMarks) -> list[MarkedTurn]:
    """The turns in which a trigger may stand; the one with its place if that is known."""
    if marks.span is not None and marks.span.message is not None:
        return turns[marks.span.message :][:1]
    asked = [turn for turn in turns if not turn.is_answer and turn.who != "rejected answer"]
    if marks.message >= 0:
        asked = [turn for turn in turns[: marks.message] if not turn.is_answer]
    return asked or turns[:1]


def _mark_word(turns: list[MarkedTurn], word: str, most: int) -> None:
    """Mark the last places in which a word stands by itself."""
    if not word:
        return
    for turn in reversed(turns):
        found = [at.span() for at in re.finditer(by_itself(word), turn.text, re.IGNORECASE)]
        for start, end in found[-most:]:
            if len(turn.stretches) < _MOST_MARKS:
                turn.add(start, end, Mark.TRIGGER)
        most -= len(found[-most:])
        if most <= 0:
            return
