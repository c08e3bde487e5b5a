"""The turns of a row as the page shows them: trigger and payload marked where they stand, what
hides made visible, and what is long cut around the marks."""

from __future__ import annotations

from collections.abc import Sequence

from gradsentry.outputs.marked_turns import MarkedTurn, RowMarks, marked_turns
from gradsentry.outputs.page_data import Mark, PageTurn, Piece
from gradsentry.records import Example
from gradsentry.safe_text import visible

_LEFT_OUT = " [...] "
_MOST_TURNS = 12
_MOST_LINES = 40
"""Of one stretch; in longer ones line breaks are escapes, so that no row fills the page."""


def turns_shown(example: Example, marks: RowMarks, length: int) -> tuple[PageTurn, ...]:
    """A row's turns with at most about `length` characters in all."""
    turns = marked_turns(example, marks)
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
        pieces = _pieces(turn, max(room, 2 * len(_LEFT_OUT)))
        shown.append(PageTurn(turn.who, turn.guilty, pieces, turn.note))
    if left_out := len(turns) - before - 1:
        shown.append(PageTurn(f"{left_out:,} turns left out", False, ()))
    return tuple(shown)


def shortened(text: str, length: int) -> str:
    """`text` made visible on one line, and cut in its middle to at most about `length` characters
    as they are shown."""
    return _cut(Piece(text, Mark.PAYLOAD), length, head=True, tail=True)


def _kept(turns: Sequence[MarkedTurn]) -> list[int]:
    """Positions of the turns to show: those with marks and what they answer, then the last ones
    and the first."""
    marked = [n for n, turn in enumerate(turns) if turn.guilty or turn.stretches]
    wanted = dict.fromkeys([*marked[-_MOST_TURNS // 2 :], *(n - 1 for n in marked if n)])
    wanted |= dict.fromkeys([0, *reversed(range(len(turns)))])
    return sorted(list(wanted)[:_MOST_TURNS])


def _pieces(turn: MarkedTurn, room: int) -> tuple[Piece, ...]:
    """A turn's text around its marks."""
    found = turn.pieces or (Piece(""),)
    lengths = [len(_shown(piece)) if len(piece.text) <= room else room + 1 for piece in found]
    rooms = _shares(lengths, room)
    last = len(found) - 1
    cut = []
    for n, (piece, share) in enumerate(zip(found, rooms, strict=True)):
        whole = last == 0 or piece.mark is not Mark.NONE
        text = _cut(piece, share, head=whole or n > 0, tail=whole or n < last)
        cut.append(Piece(text, piece.mark))
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
