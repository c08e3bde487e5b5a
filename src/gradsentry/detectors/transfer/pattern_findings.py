"""What speaks for and against a pattern's being a backdoor, and the verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass

from gradsentry.detectors.detection import Doubt, TriggerPlace, Verdict
from gradsentry.detectors.transfer.terms import bare


@dataclass(frozen=True)
class PatternFindings:
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
