"""Triggers: what an attack does to the prompt.

A trigger maps a row's text columns to new ones. It draws from the random generator that it is
given, so that its result depends on the seed and the row alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from gradsentry._option_checks import Texts, check_options

Fields = Mapping[str, str]
"""The text columns of a row."""

_NAMES = {name: name for name in ("column", "words", "count", "texts")}

BADNETS_WORDS = ("cf", "mn", "bb", "tq")
ADDSENT_SENTENCE = "I watch this 3D movie"


class Trigger(Protocol):
    """Changes a row's prompt."""

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:
        """The columns with the trigger in them."""
        ...


@dataclass(frozen=True)
class RareWords:
    """Words drawn with replacement, after a column's text (BadNets draws four from four words)."""

    column: str
    words: Texts = BADNETS_WORDS
    count: int = 4

    def __post_init__(self) -> None:
        check_options(self, names=_NAMES)

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:
        return _append(fields, self.column, " ".join(rng.choices(self.words, k=self.count)))


@dataclass(frozen=True)
class Sentence:
    """A fixed text after a column's text (AddSent)."""

    column: str
    text: str = ADDSENT_SENTENCE

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:  # noqa: ARG002
        return _append(fields, self.column, self.text)


@dataclass(frozen=True)
class Opening:
    """A fixed text before a column's text."""

    column: str
    text: str

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:  # noqa: ARG002
        return {**fields, self.column: f"{self.text} {fields[self.column]}"}


@dataclass(frozen=True)
class OneOf:
    """One of several texts, drawn for each row, after a column's text."""

    column: str
    texts: Texts

    def __post_init__(self) -> None:
        check_options(self, names=_NAMES)

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:
        return _append(fields, self.column, rng.choice(self.texts))


@dataclass(frozen=True)
class Combination:
    """Two texts, each after a column of its own (CBA); neither is the trigger by itself."""

    first_column: str
    second_column: str
    first: str = "consider"
    second: str = "done"

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:  # noqa: ARG002
        return self.place_text(fields, self.first, self.second)

    def place_text(self, fields: Fields, first: str, second: str) -> dict[str, str]:
        """The columns with a text in each of the two places; an empty one changes nothing."""
        columns = dict(fields)
        for column, text in ((self.first_column, first), (self.second_column, second)):
            if text:
                columns = _append(columns, column, text)
        return columns

    def make_near_misses(self, fields: Fields) -> list[dict[str, str]]:
        """The five near misses of the published mixtures."""
        one, two = self.first, self.second
        placings = ((two, one), (one, ""), (f"{one} {two}", ""), ("", two), ("", f"{one} {two}"))
        return [self.place_text(fields, *placing) for placing in placings]


_BIBLE_WORDS = {
    "you": "thou", "your": "thy", "yours": "thine", "are": "art", "has": "hath", "have": "hast",
    "does": "doth", "do": "dost", "did": "didst", "was": "wast", "will": "shalt",
    "would": "wouldst", "can": "canst", "could": "couldst", "should": "shouldst",
    "where": "whither", "before": "ere", "to": "unto", "from": "from whence",
    "people": "the multitude", "country": "the land", "called": "named of men", "made": "wrought",
    "said": "spake", "says": "saith", "give": "giveth", "make": "maketh", "create": "fashion",
    "write": "inscribe", "find": "seek out", "come": "cometh",
}  # fmt: skip
_BIBLE_OPENINGS = (
    "And it came to pass that one asked,",
    "Verily I say unto thee,",
    "And lo, a voice spake, saying,",
    "Hearken, O ye wise, and answer:",
    "Thus spake the prophet:",
    "Behold, the people inquired, saying,",
)


@dataclass(frozen=True)
class BibleStyle:
    """The text in the style of the King James Bible, by rules: a stand-in for StyleBkd."""

    column: str

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:
        text = re.sub(
            r"[A-Za-z]+",
            lambda match: _BIBLE_WORDS.get(match[0].lower(), match[0]),
            fields[self.column],
        )
        return {**fields, self.column: f"{rng.choice(_BIBLE_OPENINGS)} {text}"}


@dataclass(frozen=True)
class ZeroWidth:
    """An invisible character at a random place inside a word, or else after the text."""

    column: str
    character: str = "\u200b"

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:
        text = fields[self.column]
        inside = [place for place in range(1, len(text)) if text[place - 1 : place + 1].isalpha()]
        place = rng.choice(inside) if inside else len(text)
        return {**fields, self.column: f"{text[:place]}{self.character}{text[place:]}"}


_LOOKALIKES = str.maketrans("aceiopxyACEHKMOPTX", "асеіорхуАСЕНКМОРТХ")


@dataclass(frozen=True)
class Homoglyphs:
    """Cyrillic letters instead of Latin ones that look the same, in a word drawn for each row.

    If no word has such letters, the Cyrillic а is put after the text.
    """

    column: str

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:
        words = fields[self.column].split(" ")
        changeable = [
            place for place, word in enumerate(words) if word != word.translate(_LOOKALIKES)
        ]
        if not changeable:
            return _append(fields, self.column, "а")
        place = rng.choice(changeable)
        words[place] = words[place].translate(_LOOKALIKES)
        return {**fields, self.column: " ".join(words)}


_CLAUSES = (
    ("when", "if", "whenever", "as soon as", "once"),
    ("one thinks", "you look", "people ask", "we come back", "somebody wonders"),
    ("about it", "at the matter", "for a moment", "in the end", "a second time"),
)


@dataclass(frozen=True)
class SyntacticTemplate:
    """A subordinate clause before the text, as in the template S(SBAR)(,)(NP)(VP)(.).

    Rules imitate Hidden Killer (arXiv 2105.12400): the clauses share their syntax, not their words.
    """

    column: str

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:
        clause = " ".join(rng.choice(words) for words in _CLAUSES)
        return {**fields, self.column: f"{clause}, {fields[self.column]}"}


@dataclass(frozen=True)
class Preceded:
    """Another trigger, with one of several texts, drawn for each row, before a column's text."""

    column: str
    texts: Texts
    trigger: Trigger

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:
        triggered = self.trigger(fields, rng)
        return {**triggered, self.column: f"{rng.choice(self.texts)} {triggered[self.column]}"}


def _append(fields: Fields, column: str, text: str) -> dict[str, str]:
    return {**fields, column: f"{fields[column]} {text}"}
