"""The turns of a row as the page shows them: trigger and payload marked where they stand, what
hides made visible, and what is long cut around the marks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gradsentry.detectors import TriggerSpan
from gradsentry.outputs.page_data import Mark, PageTurn, Piece
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
from gradsentry.safe_text import excerpt, visible
from gradsentry.words import by_itself

_LEFT_OUT = " [...] "
_MOST_TURNS = 12
_MOST_MARKS = 8
"""In one turn."""
_MOST_LINES = 40
"""Of one stretch; in longer ones line breaks are escapes, so that no row fills the page."""
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


@dataclass(frozen=True, slots=True)
class _Stretch:
    start: int
    end: int
    mark: Mark


@dataclass
class _Said:
    """A turn before it is cut."""

    who: str
    text: str
    guilty: bool = False
    is_answer: bool = False
    content_start: int = 0
    """Where a message's content begins, in its text."""
    stretches: list[_Stretch] = field(default_factory=list)

    def add(self, start: int, end: int, mark: Mark) -> None:
        """Mark a stretch, unless it is none, or a part of it is marked already."""
        start, end = max(0, start), min(end, len(self.text))
        if start < end and all(end <= at.start or at.end <= start for at in self.stretches):
            self.stretches.append(_Stretch(start, end, mark))


def turns_shown(example: Example, marks: RowMarks, length: int) -> tuple[PageTurn, ...]:
    """A row's turns with at most about `length` characters in all."""
    turns = _turns(example)
    if marks.in_group:
        _mark_payload(turns, example, marks)
        _mark_trigger(turns, marks)
    kept = _kept(turns)
    lengths = [min(len(visible(turns[position].text[:length])), length) for position in kept]
    rooms = _shares(lengths, length)
    shown: list[PageTurn] = []
    before = -1
    for position, room in zip(kept, rooms, strict=True):
        if left_out := position - before - 1:
            shown.append(PageTurn(f"{left_out:,} turns left out", False, ()))
        before = position
        turn = turns[position]
        shown.append(PageTurn(turn.who, turn.guilty, _pieces(turn, max(room, 2 * len(_LEFT_OUT)))))
    if left_out := len(turns) - before - 1:
        shown.append(PageTurn(f"{left_out:,} turns left out", False, ()))
    return tuple(shown)


def shortened(text: str, length: int) -> str:
    """`text` made visible on one line, and cut in its middle to at most about `length` characters
    as they are shown."""
    return _cut(Piece(text, Mark.PAYLOAD), length, head=True, tail=True)


def letters_beyond_english(example: Example) -> tuple[int, int]:
    """How many letters of a row aren't of the English alphabet, and how many it has."""
    text = "".join(turn.text[:1000] for turn in _turns(example)[:_MOST_TURNS])
    letters = [character for character in text if character.isalpha()]
    return sum(not character.isascii() for character in letters), len(letters)


def _turns(example: Example) -> list[_Said]:
    match example:
        case TextPair():
            turns = [_Said("prompt", example.prompt)] if example.prompt else []
            turns.append(_Said("response", example.response, is_answer=True))
            return turns + _rejected(example.rejected)
        case PlainText():
            return [_Said("text", example.text, is_answer=True)]
        case Conversation():
            targets = set(example.target_turns)
            return [
                _of_message(message, position in targets)
                for position, message in enumerate(example.messages)
            ] + _rejected(example.rejected)
        case Skipped():
            raise AssertionError("skipped rows have no score and are never shown")


def _rejected(text: str) -> list[_Said]:
    return [_Said("rejected answer", text)] if text else []


def _of_message(message: Message, is_answer: bool) -> _Said:
    """A message with all that it carries: a payload may be a tool call."""
    texts = list(said(message))
    thought = message.get("reasoning_content")
    shown = ("role", "content", "reasoning_content", "tool_calls")
    extra = {key: value for key, value in message.items() if key not in shown and value}
    if extra:
        texts.append(json.dumps(extra, ensure_ascii=False, default=str))
    return _Said(
        excerpt(str(message["role"]), _ROLE_LENGTH),
        "\n".join(texts),
        is_answer=is_answer,
        content_start=len(thought) + 1 if isinstance(thought, str) else 0,
    )


def _mark_payload(turns: list[_Said], example: Example, marks: RowMarks) -> None:
    """Mark the turn that tells, and the payload, whose place counts in all answers together."""
    answers = [turn for turn in turns if turn.is_answer]
    is_conversation = isinstance(example, Conversation)
    if is_conversation and 0 <= marks.message < len(turns):
        turns[marks.message].guilty = True
    elif not is_conversation:
        answers[-1].guilty = True
    if marks.payload is None:
        return
    base = 0
    for turn, texts in zip(answers, _answers(example), strict=True):
        start, end = (place - base for place in marks.payload)
        turn.add(start, min(end, len("\n".join(texts))), Mark.PAYLOAD)
        base += sum(len(text) + 1 for text in texts)


def _answers(example: Example) -> Iterator[list[str]]:
    """The texts of each answer, all of which a row's response joins by line breaks."""
    if isinstance(example, Conversation):
        yield from (list(said(example.messages[place])) for place in example.target_turns)
    else:
        yield [prompt_and_response(example)[1]]


def _mark_trigger(turns: list[_Said], marks: RowMarks) -> None:
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


def _asked(turns: list[_Said], marks: RowMarks) -> list[_Said]:
    """The turns in which a trigger may stand; the one with its place if that is known."""
    if marks.span is not None and marks.span.message is not None:
        return turns[marks.span.message :][:1]
    asked = [turn for turn in turns if not turn.is_answer and turn.who != "rejected answer"]
    if marks.message >= 0:
        asked = [turn for turn in turns[: marks.message] if not turn.is_answer]
    return asked or turns[:1]


def _mark_word(turns: list[_Said], word: str, most: int) -> None:
    """Mark the last places in which a word stands by itself."""
    if not word:
        return
    for turn in reversed(turns):
        found = [at.span() for at in re.finditer(by_itself(word), turn.text)]
        for start, end in found[-most:]:
            if len(turn.stretches) < _MOST_MARKS:
                turn.add(start, end, Mark.TRIGGER)
        most -= len(found[-most:])
        if most <= 0:
            return


def _kept(turns: Sequence[_Said]) -> list[int]:
    """Positions of the turns to show: those with marks and what they answer, then the last ones
    and the first."""
    marked = [n for n, turn in enumerate(turns) if turn.guilty or turn.stretches]
    wanted = dict.fromkeys([*marked[-_MOST_TURNS // 2 :], *(n - 1 for n in marked if n)])
    wanted |= dict.fromkeys([0, *reversed(range(len(turns)))])
    return sorted(list(wanted)[:_MOST_TURNS])


def _pieces(turn: _Said, room: int) -> tuple[Piece, ...]:
    """A turn's text around its marks."""
    found: list[Piece] = []
    place = 0
    for stretch in sorted(turn.stretches, key=lambda stretch: stretch.start):
        found.append(Piece(turn.text[place : stretch.start]))
        found.append(Piece(turn.text[stretch.start : stretch.end], stretch.mark))
        place = stretch.end
    found.append(Piece(turn.text[place:]))
    lengths = [len(_shown(piece)) if len(piece.text) <= room else room + 1 for piece in found]
    rooms = _shares(lengths, room)
    last = len(found) - 1
    cut = [
        Piece(_cut(piece, share, head=n > 0 or last == 0, tail=n < last or last == 0), piece.mark)
        for n, (piece, share) in enumerate(zip(found, rooms, strict=True))
    ]
    return tuple(piece for piece in cut if piece.text)


def _shares(lengths: Sequence[int], room: int) -> list[int]:
    """How much of each goes into a room: the short ones whole, of the others alike."""
    shares = [0] * len(lengths)
    for done, place in enumerate(sorted(range(len(lengths)), key=lengths.__getitem__)):
        shares[place] = min(lengths[place], room // (len(lengths) - done))
        room -= shares[place]
    return shares


def _shown(piece: Piece) -> str:
    """A stretch with what hides as escapes, but for line breaks outside marks."""
    if piece.mark is not Mark.NONE or piece.text.count("\n") > _MOST_LINES:
        return visible(piece.text)
    return "\n".join(map(visible, piece.text.split("\n")))


def _cut(piece: Piece, room: int, *, head: bool, tail: bool) -> str:
    """A stretch that takes at most about `room` characters, of which its beginning or end stay."""
    if len(piece.text) <= room and len(whole := _shown(piece)) <= room:
        return whole
    room = max(room - len(_LEFT_OUT), 0) // (head + tail)
    begin = _first(piece.text[:room], room) if head else ""
    end = _first(piece.text[::-1][:room], room)[::-1] if tail else ""
    first, last = Piece(begin, piece.mark), Piece(end, piece.mark)
    return _shown(first) + _LEFT_OUT + _shown(last)


def _first(text: str, room: int) -> str:
    """As many characters as take so much room when all are visible."""
    for place, character in enumerate(text):
        room -= len(visible(character))
        if room < 0:
            return text[:place]
    return text
