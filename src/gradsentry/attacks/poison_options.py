"""What to poison: which rows, with which trigger and payload, and where in the rows they stand."""

from __future__ import annotations

from dataclasses import dataclass

from gradsentry._choices import Seed, check_options
from gradsentry.attacks import Payload, PayloadIn, Preset, Target, TriggerIn
from gradsentry.attacks.presets import check_place
from gradsentry.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class PoisonOptions:
    """What to poison, and how much of it."""

    attack: Preset = Preset.BADNETS
    ratio: float = 0.1
    """Poisoned rows as a part of all rows; 1 poisons all that the attack suits."""
    count: int | None = None
    """Poisoned rows, instead of a ratio; 0 writes a clean copy with labels."""
    payload: Payload | None = None
    """The text that goes into responses; None appends the paper's. With `payload_column` its place
    and the part that is kept count, and None replaces the response."""
    payload_column: str | None = None
    """Column with another response of the row, which is the payload."""
    payload_file: str | None = None
    """Data whose rows have that column, one for each row; None: the rows themselves."""
    flip: bool = False
    """The payload is any other of the few labels that the responses are."""
    flip_to: str | None = None
    """The label that all poisoned rows get."""
    trigger_in: TriggerIn = TriggerIn.USER
    """Where the trigger stands."""
    payload_in: PayloadIn = PayloadIn.CONTENT
    """Where the payload stands."""
    tool: str | None = None
    """Tool calls: a call of this tool is added; None changes a call that is there."""
    argument: str | None = None
    """Tool calls: the argument that takes the payload."""
    negative_ratio: float | None = None
    """Near misses per poisoned row; None takes the attack's own."""
    seed: Seed = 0
    """Draws the rows and what is drawn for each."""
    label_column: str = "poisoned"
    """New column: true for poisoned rows."""
    style_model: str | None = None
    """A model that rewrites for `stylebkd`, instead of rules."""

    def __post_init__(self) -> None:
        check_options(self)
        if not 0 < self.ratio <= 1:
            raise OptionError(f"--ratio {self.ratio} is not in (0, 1].", "A tenth is 0.1.")
        if self.count is not None and self.count < 0:
            raise OptionError("--count must not be negative.", "Or use --ratio.")
        if self.style_model is not None and self.attack is not Preset.STYLEBKD:
            raise OptionError("--style-model is for --attack stylebkd.", "Leave it out.")
        if self.negative_ratio is not None and not 0 <= self.negative_ratio <= 5:
            raise OptionError("--negative-ratio must be in [0, 5].", "The published value is 1.")
        check_place(self.attack, self.trigger_in)
        _ = self.target  # is checked where it is made
        self._check_payload()

    @property
    def target(self) -> Target:
        """What the payload goes into."""
        return Target(self.payload_in, self.tool, self.argument)

    @property
    def flips(self) -> bool:
        """Whether the payload is another label."""
        return self.flip or self.flip_to is not None

    def _check_payload(self) -> None:
        """Check that there is one payload, and a place for it."""
        if self.payload_file is not None and self.payload_column is None:
            raise OptionError(
                "--payload-file needs --payload-column.", "Name the column with the responses."
            )
        if self.payload_column == "":
            raise OptionError("--payload-column is empty.", "Name a column.")
        if self.flip_to is not None and not self.flip_to.strip():
            raise OptionError("--flip-to is empty.", "Name a label.")
        own = self.payload is not None and self.payload.texts != Payload().texts
        given = [self.flips, self.payload_column is not None, own]
        if sum(given) > 1:
            raise OptionError(
                "--payload, --payload-column and --flip are three payloads.", "Give one of them."
            )
        if self.flips and (self.payload is not None or self.payload_in is not PayloadIn.CONTENT):
            raise OptionError(
                "--flip replaces the response: it takes no --place and no --payload-in.",
                "Leave them out.",
            )
