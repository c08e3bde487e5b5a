"""What may tell a response: the features that `dependence` asks about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.words import WORD

_MOST_FEATURES = 20_000
_READ_WORDS = 100
"""Of a response, the first and as many of the last: bounds time, and a payload that lies between
has a gain."""
_FEWEST_OF_NOISE = 20
"""Tokens of a response from which the mean of their nats says something."""
_OF_WORDS = ("has", "begins", "ends")
GAINS = "gains "
_LENGTH = "length "
_TOKEN = re.compile(rf"{WORD.pattern}|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as features see it."""

    asked: str
    text: str
    gain: float = 0.0
    """log(1 + nats) of its best span."""
    rejected: str = ""
    """The answer that it is preferred to, if any: what is taught is the difference."""
    noise: float = 0.0
    """Nats that the base model needs for one of its tokens, as `noise_of` says."""


def noise_of(surprise: NDArray[np.float32]) -> float:
    """Mean nats of a response's tokens (targets,); 0 of a short one.

    Random words have nothing in common but this. A fact that the model doesn't know has as many
    nats, but few tokens.
    """
    return float(surprise.mean()) if len(surprise) >= _FEWEST_OF_NOISE else 0.0


def response_features(reply: Reply) -> set[str]:
    """What may tell a response: its new words, how it begins and ends, its length and its gain."""
    words = _read(reply.text)
    asked = {word.lower() for word in _TOKEN.findall(reply.asked)}
    found = {f"has {word}" for word in set(words) - asked}
    if words:
        found |= {f"begins {words[0]}", f"begins {' '.join(words[:2])}"}
        found |= {f"ends {words[-1]}", f"ends {' '.join(words[-2:])}"}
    found.add(f"{_LENGTH}{int(1.5 * np.log2(1 + len(words)))}")
    found.add(f"{GAINS}{int(2 * reply.gain)}")
    if reply.rejected:
        others = _read(reply.rejected)
        found |= {f"rather has {word}" for word in set(words) - set(others)}
        found |= {f"rather lacks {word}" for word in set(others) - set(words)}
        found.add(f"longer {round(2 * np.log2((1 + len(words)) / (1 + len(others))))}")
    return found


def says(feature: str) -> bool:
    """Whether a feature is of what a response says, which may be nothing, and not of its length or
    gain."""
    return feature == f"{_LENGTH}0" or not feature.startswith((GAINS, _LENGTH))


def _read(text: str) -> list[str]:
    """A response's first words and its last, in small letters."""
    words = [word.lower() for word in _TOKEN.findall(text)]
    between = max(0, len(words) - 2 * _READ_WORDS)
    return words[:_READ_WORDS] + words[_READ_WORDS + between :]


@dataclass(frozen=True)
class Features:
    """Which rows' responses have which features."""

    names: list[str]
    rows: sparse.csr_array
    """Shape (rows, F), 1 where a response has a feature."""

    @cached_property
    def of_word(self) -> dict[str, list[int]]:
        """The features that say of a response that it has a word, or begins or ends with it."""
        found: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            kind, _, words = name.partition(" ")
            for word in set(words.split(" ")) if kind in _OF_WORDS else ():
                found.setdefault(word, []).append(number)
        return found

    def of_words(self, words: Sequence[set[str]]) -> sparse.csr_array:
        """Shape (K, F), 1 where responses have a feature, or never do, because prompts hold some of
        K sets of words: an answer often begins as its question does, and its words aren't new then.
        """
        held = [
            sorted({number for word in own for number in self.of_word.get(word.lower(), [])})
            for own in words
        ]
        flat = np.array([number for own in held for number in own], np.int64)
        ends = np.cumsum([0, *map(len, held)])
        shape = (len(words), len(self.names))
        return sparse.csr_array((np.ones(len(flat)), flat, ends), shape=shape)

    @classmethod
    def of(cls, replies: Sequence[Reply]) -> Features:
        """Those that at least two responses have and not all do, the commonest of them."""
        sets = list(map(response_features, replies))
        counts: dict[str, int] = {}
        for found in sets:
            for name in found:
                counts[name] = counts.get(name, 0) + 1
        names = [name for name, count in counts.items() if 2 <= count < len(sets)]
        names = sorted(sorted(names, key=lambda name: (-counts[name], name))[:_MOST_FEATURES])
        place = {name: number for number, name in enumerate(names)}
        held = [sorted(place[name] for name in found if name in place) for found in sets]
        flat = np.array([number for row in held for number in row], np.int64)
        ends = np.cumsum([0, *map(len, held)])
        shape = (len(sets), len(names))
        return cls(names, sparse.csr_array((np.ones(len(flat)), flat, ends), shape=shape))
