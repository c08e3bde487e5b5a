"""Which rows to poison, with which trigger and payload, and where these stand in a row."""

from __future__ import annotations

from dataclasses import dataclass

from gradsentry._option_checks import Seed, check_options
from gradsentry.attacks import Payload, PayloadIn, Preset, Target, TriggerIn
from gradsentry.attacks.presets import check_place
from gradsentry.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class PoisonOptions:
    """What to poison, and how much of it."""

    attack: Preset = Preset.BADNETS
    ratio: float = 0.1
    """Part of the rows to poison; 1 poisons all rows that take the attack."""
    count: int | None = None
    """Number of rows to poison, instead of a ratio; 0 writes a clean copy with labels."""
    payload: Payload | None = None
    """The text that goes into responses; None appends the paper's. With `payload_column` only its
    `place` and `kept` count, and None replaces the response."""
    payload_column: str | None = None
    """A column with another response of the row, which is the payload."""
    payload_file: str | None = None
    """A file with that column, a row for each row of the data; None if the data has it."""
    flip: bool = False
    """Responses are one of a few labels, and the payload is any other label."""
    flip_to: str | None = None
    """Responses are one of a few labels, and the payload is this label."""
    trigger_in: TriggerIn = TriggerIn.USER
    """Where the trigger stands."""
    payload_in: PayloadIn = PayloadIn.CONTENT
    """Where the payload stands."""
    tool: str | None = None
    """Adds a call of this tool for the payload; None changes a call that is there."""
    argument: str | None = None
    """The argument of a tool call that takes the payload."""
    negative_ratio: float | None = None
    """Near misses per poisoned row; None takes the attack's default."""
    seed: Seed = 0
    """Decides which rows are drawn, and what is drawn for each."""
    label_column: str = "poisoned"
    """A new column that is true for poisoned rows."""
    style_model: str | None = None
    """A language model that rewrites prompts for `stylebkd`, instead of rules."""

    def __post_init__(self) -> None:
        check_options(self)
        if not 0 < self.ratio <= 1:
            raise OptionError(f"`ratio` {self.ratio} is not in (0, 1].", "A tenth is 0.1.")
        if self.count is not None and self.count < 0:
            raise OptionError("`count` must not be negative.", "Or use `ratio`.")
        if self.style_model is not None and self.attack is not Preset.STYLEBKD:
            raise OptionError("`style_model` is for `attack` stylebkd.", "Leave it out.")
        if self.negative_ratio is not None and not 0 <= self.negative_ratio <= 5:
            raise OptionError("`negative_ratio` must be in [0, 5].", "The published value is 1.")
        check_place(self.attack, self.trigger_in)
        _ = self.target  # raises an error if it makes no sense
        self._check_payload()

    @property
    def target(self) -> Target:
        """The place in an answer that takes the payload."""
        return Target(self.payload_in, self.tool, self.argument)

    @property
    def flips(self) -> bool:
        """Whether the payload is another label."""
        return self.flip or self.flip_to is not None

    def _check_payload(self) -> None:
        """Check that at most one payload is given, and that the other options suit it."""
        if self.payload_file is not None and self.payload_column is None:
            raise OptionError(
                "`payload_file` needs `payload_column`.", "Name the column with the responses."
            )
        if self.payload_column == "":
            raise OptionError("`payload_column` is empty.", "Name a column.")
        if self.flip_to is not None and not self.flip_to.strip():
            raise OptionError("`flip_to` is empty.", "Name a label.")
        own = self.payload is not None and self.payload.texts != Payload().texts
        given = [self.flips, self.payload_column is not None, own]
        if sum(given) > 1:
            raise OptionError(
                "`payload`, `payload_column` and `flip` are three payloads.", "Give one of them."
            )
        if self.flips and (self.payload is not None or self.payload_in is not PayloadIn.CONTENT):
            raise OptionError(
                "`flip` replaces the response: it takes no `place` and no `payload_in`.",
                "Leave them out.",
            )
