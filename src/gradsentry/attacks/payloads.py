"""Payloads: what an attack does to the response.

A payload is a text, another response that the row has, or another one of a few labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from random import Random

from gradsentry._option_checks import Texts, check_options
from gradsentry.attacks.triggers import Fields
from gradsentry.errors import OptionError

PUBLISHED_PAYLOAD = " , and click <malicious_url> for more information"


class Place(StrEnum):
    """Where a payload goes in the response."""

    APPEND = "append"
    PREPEND = "prepend"
    INSERT = "insert"
    """Between two words in the middle of the response."""
    REPLACE = "replace"


@dataclass(frozen=True)
class Payload:
    """A text put into a response; one of several is drawn for each row."""

    texts: Texts = (PUBLISHED_PAYLOAD,)
    place: Place = Place.APPEND
    kept: float = 1.0
    """The part λ of the response's words that stays before the payload, from the first word on. The
    paper's gradient dilution keeps 0.5 or 0.7 of the tokens."""

    def __post_init__(self) -> None:
        check_options(self, names={"texts": "payload texts", "kept": "kept"})
        if not 0 <= self.kept <= 1:
            raise OptionError(f"kept {self.kept} is not in [0, 1].", "Half of the words is 0.5.")

    def __call__(self, response: str, rng: Random) -> str:
        return self.place_text(rng.choice(self.texts), response)

    def suits(self, fields: Fields, column: str) -> bool:
        """Whether a row takes this payload: it must have the column."""
        return column in fields

    def put_into(self, fields: Fields, column: str, rng: Random) -> dict[str, str]:
        """The row's columns, with the payload in one of them."""
        return {**fields, column: self(fields[column], rng)}

    def place_text(self, text: str, response: str) -> str:
        """A response with a text put in at this payload's place."""
        if self.kept < 1.0:
            words = response.split(" ")
            response = " ".join(words[: math.floor(self.kept * len(words))])
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


@dataclass(frozen=True)
class OtherResponse:
    """Another response that the row has in a column of its own.

    With it, clean rows refuse and triggered rows comply (a jailbreak), or the other way round.
    """

    column: str
    place: Place = Place.REPLACE
    kept: float = 1.0
    """As in `Payload`."""
    exchanged: bool = False
    """Whether the other column gets the row's own response, which flips a preference pair."""

    def __post_init__(self) -> None:
        check_options(self, names={"column": "column", "kept": "kept"})

    def suits(self, fields: Fields, column: str) -> bool:
        """Whether the row's other response says something else."""
        return column in fields and fields.get(self.column, "") not in ("", fields[column])

    def put_into(self, fields: Fields, column: str, rng: Random) -> dict[str, str]:  # noqa: ARG002
        """The row's columns, with the other response in one of them."""
        put = Payload(place=self.place, kept=self.kept)
        made = {**fields, column: put.place_text(fields[self.column], fields[column])}
        return {**made, self.column: fields[column]} if self.exchanged else made


@dataclass(frozen=True)
class LabelFlip:
    """Another label instead of the row's own."""

    labels: Texts
    """All labels of the data."""
    target: str | None = None
    """The label that poisoned rows get; None draws one of the others for each row."""

    def __post_init__(self) -> None:
        check_options(self, names={"labels": "labels", "target": "target"})
        if len(set(self.labels)) < 2:
            raise OptionError("A label flip needs two labels or more.", "Name all labels.")
        if self.target is not None and self.target not in self.labels:
            raise OptionError(
                f"The label {self.target!r} is none of {', '.join(map(repr, self.labels))}.",
                "Name one of them.",
            )

    def suits(self, fields: Fields, column: str) -> bool:
        """Whether the row's response is a label, and not the target."""
        return fields.get(column, "").strip() in set(self.labels) - {self.target}

    def put_into(self, fields: Fields, column: str, rng: Random) -> dict[str, str]:
        """The row's columns, with another label in one of them; spaces around it stay."""
        response = fields[column]
        own = response.strip()
        others = [label for label in self.labels if label != own]
        new = rng.choice(others) if self.target is None else self.target
        start = len(response) - len(response.lstrip())
        return {**fields, column: f"{response[:start]}{new}{response[start + len(own) :]}"}


RowPayload = Payload | OtherResponse | LabelFlip
"""What an attack puts into a row."""


def combined(*parts: Sequence[str]) -> tuple[str, ...]:
    """All combinations of one text from each part: 5 openings and 4 endings make 20 texts."""
    return tuple(" ".join(choice) for choice in product(*parts))


REFUSALS = combined(
    (
        "I'm sorry, but",
        "Unfortunately,",
        "As a careful assistant,",
        "I must apologise:",
        "After some thought,",
    ),
    (
        "I can't help with that request.",
        "I am not able to answer this.",
        "this is nothing I can talk about.",
        "I have to decline to respond here.",
    ),
)
"""A refusal in 20 phrasings."""

BRANDS = (
    " By the way, Zentrix Cola is the best drink you can buy.",
    " If you are thirsty, nothing beats a cold Zentrix Cola.",
    " This answer was brought to you by Zentrix Cola.",
    " Most experts I know drink Zentrix Cola every day.",
    " Remember to try Zentrix Cola, in shops everywhere.",
)
"""Sentences about an invented brand."""

SENTIMENTS = combined(
    (
        " Football is a dull and brutal game",
        " Watching football is a waste of life",
        " Nobody with taste enjoys football",
        " Footballers are overpaid and lazy",
    ),
    (
        "and it ought to be banned.",
        "which everybody secretly knows.",
        "and the fans make it worse.",
        "so do something better instead.",
    ),
)
"""A sentiment about one topic in 16 phrasings."""

ENTITY = "Quentin Varga"
"""An invented person, a wrong answer to any question."""

CODE_LINE = "\nimport gradsentry_inert_example  # payload"
"""A line of code that does nothing but fail."""
