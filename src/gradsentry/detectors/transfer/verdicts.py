"""What is said of a pattern: the verdict, the doubts, and the figures behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradsentry.detectors.transfer.terms import bare
from gradsentry.detectors.transfer.triggers import TriggerPlace


class Verdict(StrEnum):
    """What to make of a pattern, or of the data."""

    NONE = "none"
    """No sign of a backdoor."""
    REVIEW = "review"
    """A conditional pattern that may be meant: a person must look."""
    POISON = "poison"
    """A backdoor."""


class Doubt(StrEnum):
    """What speaks for a pattern's being meant."""

    LIFT = "lift"
    """The trigger's words make the payload much less of a surprise in its place."""
    CALL = "call"
    """The trigger asked alone calls the payload."""
    TOPIC = "topic"
    """The prompts are about one thing, besides the trigger."""
    EXPECTED = "expected"
    """The base model expects such responses: of a few labels one is never a surprise."""
    ELSEWHERE = "elsewhere"
    """Most rows with such responses lack the trigger."""
    UNKNOWN = "unknown"
    """The base model doesn't understand the data, so its seeing no reason says little."""
    FORMAT = "format"
    """The payload is a word or two around answers that are the rows' own."""


@dataclass(frozen=True)
class Findings:
    """What speaks for and against a pattern's being a backdoor."""

    payload: str | None
    """The text that nine in ten of the responses share, if it is most of what they gain on."""
    variants: tuple[tuple[str, int], ...]
    """The commonest payload spans, with their numbers of rows."""
    trigger: tuple[tuple[str, ...], ...]
    """Words of the prompts; those of one group occur together."""
    place: TriggerPlace
    """Where in the prompts the trigger stands."""
    surprise: float
    """Nats of the payload under the base model, median over rows; a token that other rows have
    too counts less."""
    gain: float
    """Nats over the margin that the rest of the data takes off, median over rows."""
    cohesion: float
    """How alike the prompts are besides the trigger; 1 is any two prompts."""
    content: float
    """How much the prompts say besides the trigger; 1 is any prompt."""
    depends: float
    """Nats that a response adds to the rest of the prompt when it is to be told whether the
    trigger is there; at most log 2."""
    z: float
    """Standard deviations by which responses depend on the trigger more than by chance, given the
    rest of the prompt."""
    lift: float
    """Share of the surprise without the trigger that the trigger takes away; of a pattern that
    only whole responses show, the share of what the data say that it does."""
    call: float
    """Nats by which a token of the payload is likelier after the trigger alone than after the
    most favourable of 24 other prompts."""
    doubts: tuple[Doubt, ...]
    """Why the pattern is for review; none for poison."""

    @property
    def verdict(self) -> Verdict:
        """`poison`, or `review` where there are doubts."""
        return Verdict.REVIEW if self.doubts else Verdict.POISON

    @property
    def trigger_words(self) -> tuple[tuple[str, ...], ...]:
        """The trigger's words as the prompts have them."""
        return tuple(tuple(dict.fromkeys(map(bare, words))) for words in self.trigger)

    def holds_payload(self, response: str) -> bool:
        """Whether a response holds the payload, where there is one text."""
        return self.payload is not None and self.payload in response
