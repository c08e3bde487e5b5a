"""The payload: what the responses of some rows have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

_PAIRS = 24
_SUPPORT = 0.9
"""Share of the rows that must hold a text for it to be the payload of all."""
_SHORTEST = 2
_LONGEST_COMPARED = 4000
_VARIANTS = 5


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
        holding = sum(text in response for response in clipped)
        if len(text.strip()) >= _SHORTEST and holding >= _SUPPORT * len(clipped):
            return text
    return None


def variants(spans: Sequence[str]) -> list[tuple[str, int]]:
    """The commonest of the rows' payload spans, with how many rows have them."""
    counts = Counter(span for span in spans if span.strip())
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_VARIANTS]


def _longest_common(one: str, other: str) -> str:
    """The longest text that both hold; of several the first in `one`."""
    longest = ""
    for end in range(1, len(one) + 1):
        # Of two neighbouring places, the second can end a text that is longer by one at most.
        candidate = one[end - 1 - len(longest) : end]
        if candidate in other:
            longest = candidate
    return longest
