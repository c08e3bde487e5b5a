"""Turns and decisions as the page shows them: plain values, with what hides made visible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradsentry.outputs.marked_turns import MarkedTurn
from gradsentry.outputs.page_data import Mark
from gradsentry.review.decisions import Decision
from gradsentry.safe_text import excerpt, visible

EXCERPT = 400
"""Characters of a text in a list."""
_MOST_PIECES = 9
"""Of a turn in a list."""
_SHOWN_TEXT = 200_000
"""Characters of one turn that a page shows; the file has the rest."""


def telling(turns: Sequence[MarkedTurn]) -> list[MarkedTurn]:
    """Of a long conversation the turns with marks; without any, the first and the last one."""
    marked = [turn for turn in turns if turn.guilty or turn.stretches]
    return marked if marked and len(turns) > 2 else [*turns[:1], *turns[1:][-1:]]


def short_turn(turn: MarkedTurn) -> dict[str, Any]:
    """A turn to look at in a list: marks whole, as far as they aren't very long."""
    pieces = [
        (excerpt(piece.text, EXCERPT if piece.mark else EXCERPT // 2), piece.mark)
        for piece in turn.pieces[:_MOST_PIECES]
    ]
    return _shown_turn(turn, pieces)


def whole_turn(turn: MarkedTurn) -> dict[str, Any]:
    """A turn with all its text and its line ends."""
    left = _SHOWN_TEXT
    pieces = []
    for piece in turn.pieces:
        text, left = piece.text[:left], max(0, left - len(piece.text))
        pieces.append(("\n".join(map(visible, text.split("\n"))), piece.mark))
    return {**_shown_turn(turn, pieces), "cut": max(0, len(turn.text) - _SHOWN_TEXT)}


def _shown_turn(turn: MarkedTurn, pieces: list[tuple[str, Mark]]) -> dict[str, Any]:
    return {
        "role": turn.who,
        "guilty": turn.guilty,
        "note": turn.note,
        "pieces": [{"text": text, "mark": str(mark)} for text, mark in pieces if text],
    }


def shown_decision(decision: Decision | None) -> dict[str, Any] | None:
    """A decision; None where there is none."""
    if decision is None:
        return None
    return {
        "choice": str(decision.choice),
        "note": "\n".join(map(visible, decision.note.split("\n"))),
        "reviewer": visible(decision.reviewer),
        "time": decision.time,
    }
