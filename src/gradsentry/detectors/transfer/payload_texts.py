"""The payload: what the responses of some rows have in common."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from gradsentry.words import UNSPACED_CHARACTER

_PAIRS = 24
_SUPPORT = 0.9
"""Share of the rows that must hold a text for it to be the payload of all."""
_LONGEST_COMPARED = 4000
_VARIANTS = 5


def says_something(text: str) -> bool:
    """Whether a text can be a payload: two letters, digits or ideographs, or two marks.

    One letter, one digit or one mark, as in "A", "(B)." or "!", is an answer to a question with
    choices, or format.
    """
    characters = [character for character in text if character.isalnum()]
    if characters:
        return len(characters) > 1
    return sum(not _adds_nothing(character) for character in text) > 1


def common_text(responses: Sequence[str]) -> str | None:
    """The longest text that nine in ten of the responses hold, or None.

    Found between pairs of neighbours: whatever two responses share by chance around the payload,
    other pairs don't.
    """
    clipped = [response[:_LONGEST_COMPARED] for response in responses]
    step = max(1, len(clipped) // _PAIRS)
    found = {
        _longest_common(clipped[index], clipped[(index + step) % len(clipped)])
        for index in range(0, len(clipped), step)
    }
    for text in sorted(found, key=lambda text: (-len(text), text)):
        if _is_label(text):
            holding = sum(one.strip() == text.strip() for one in clipped)
        else:
            holding = sum(text in one for one in clipped) if says_something(text) else 0
        if holding >= _SUPPORT * len(clipped):
            return text
    return None


def variants(spans: Sequence[str]) -> list[tuple[str, int]]:
    """The commonest of the rows' payload spans, with how many rows have them."""
    counts = Counter(span for span in spans if says_something(span) or _is_label(span))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_VARIANTS]


def _is_label(text: str) -> bool:
    """Whether a text is one ideograph, which may be a word, such as 是 or 否.

    It is a payload where it is all that responses say; among others it is one that all texts hold.
    """
    return UNSPACED_CHARACTER.fullmatch(text.strip()) is not None


def _adds_nothing(character: str) -> bool:
    """Whether a character is a space, invisible, or changes the one before it."""
    return unicodedata.category(character)[0] in "ZCM" or unicodedata.category(character) == "Sk"


def _longest_common(one: str, other: str) -> str:
    """The longest text that both hold; of several the first in `one`."""
    longest = ""
    for end in range(1, len(one) + 1):
        # Of two neighbouring places, the second can end a text that is longer by one at most.
        candidate = one[end - 1 - len(longest) : end]
        if candidate in other:
            longest = candidate
    return longest
