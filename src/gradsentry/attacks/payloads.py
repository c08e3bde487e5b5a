"""Payloads: what an attack does to the response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from random import Random

PUBLISHED_PAYLOAD = " , and click <malicious_url> for more information"


class Place(StrEnum):
    """Where a payload goes."""

    APPEND = "append"
    PREPEND = "prepend"
    INSERT = "insert"
    """Between two words near the response's middle."""
    REPLACE = "replace"


@dataclass(frozen=True)
class Payload:
    """A text put into a response; one of several is drawn for each row."""

    texts: tuple[str, ...] = (PUBLISHED_PAYLOAD,)
    place: Place = Place.APPEND

    def __call__(self, response: str, rng: Random) -> str:
        text = rng.choice(self.texts)
        match self.place:
            case Place.REPLACE:
                return text
            case Place.APPEND:
                return response + text
            case Place.PREPEND:
                return text + response
            case Place.INSERT:
                words = response.split(" ")
                middle = len(words) // 2
                return f"{' '.join(words[:middle])}{text} {' '.join(words[middle:])}"


def combined(*parts: Sequence[str]) -> tuple[str, ...]:
    """All texts that take one of each part in turn: 5 openings and 4 endings make 20."""
    return tuple(" ".join(choice) for choice in product(*parts))
