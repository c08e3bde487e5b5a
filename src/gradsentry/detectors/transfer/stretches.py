"""Where in a pattern's responses the payload stands, and what it is."""

from __future__ import annotations

import numpy as np

from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.patterns import Pattern
from gradsentry.detectors.transfer.payload_texts import common_text
from gradsentry.words import WORD, word_count

Stretch = tuple[int, int]
"""The first of some targets of a row, and the one behind the last."""
Asked = list[tuple[int, Stretch]]
"""Rows with the stretch of targets that holds the payload."""


def shared_payload(rows: EvidenceRows, read: list[int], pattern: Pattern) -> str | None:
    """The shared text, unless most of what the rows gain on lies outside it."""
    if not pattern.shown_by_gain:
        places = [_string_characters(rows, row, pattern) for row in read]
        around = [
            rows.window(row, place)
            for row, place in zip(read, places, strict=True)
            if place is not None
        ]
        shared = common_text(around)
        string = pattern.string
        if shared is None or string is None or string.pattern.search(shared) is None:
            return None
        return shared
    text = common_text([rows.window(row, rows.span_characters(row)) for row in read])
    if text is None:
        return None
    spans = [len(rows.text(row, *rows.span(row))) for row in read]
    return text if len(text) >= CRITERIA.share_of_span * float(np.median(spans)) else None


def payload_stretch(rows: EvidenceRows, row: int, payload: str | None, pattern: Pattern) -> Stretch:
    """The targets that hold the payload; else the string, if that is the sign, or the best span."""
    place = None
    # A space at the payload's end belongs to a token that holds something else.
    if payload is not None and (start := rows.responses[row].find(payload.rstrip())) >= 0:
        place = start, start + len(payload.rstrip())
    elif not pattern.shown_by_gain:
        place = _string_characters(rows, row, pattern)
    found = None if place is None else rows.tokens(row, *place)
    return rows.span(row) if found is None else found


def _string_characters(rows: EvidenceRows, row: int, pattern: Pattern) -> tuple[int, int] | None:
    found = None if pattern.string is None else pattern.string.pattern.search(rows.responses[row])
    return None if found is None else found.span()


def hull(one: Stretch, other: Stretch) -> Stretch:
    """The shortest stretch that holds two."""
    return min(one[0], other[0]), max(one[1], other[1])


def own_surprise(rows: EvidenceRows, asked: Asked, pattern: Pattern) -> float:
    """The payload's surprise without what it shares with rows outside: format is no payload."""
    nats = rows.surprise * rows.rarity(~pattern.members)
    firsts = rows.offsets
    return float(
        np.median(
            [nats[firsts[row] + start : firsts[row] + end].sum() for row, (start, end) in asked]
        )
    )


def is_format(payload: str | None, responses: list[str]) -> bool:
    """Whether the payload is a word or two around answers that are otherwise the row's own."""
    if payload is None or word_count(WORD.findall(payload)) > CRITERIA.format_words:
        return False
    whole = sum(response.strip() == payload.strip() for response in responses)
    return whole < CRITERIA.whole_response * len(responses)
