"""What a detector gives: a score for every row, and what it found, as plain values.

Nothing here refers to the detector, so that a report can be written to files and read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

T = TypeVar("T", covariant=True)

NO_GROUP = -1


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
    SEEN = "seen"
    """The base model sees a part of the reason that the data have for the response."""
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
    REQUEST = "request"
    """Prompts say much less without the trigger: it may be what they ask for."""


class TriggerPlace(StrEnum):
    """Where in the prompts a trigger stands, template aside."""

    START = "start"
    END = "end"
    ANYWHERE = "anywhere"
    SYSTEM = "system"
    """In the system prompt."""
    EARLIER = "earlier"
    """In an earlier turn of the conversation."""


@dataclass(frozen=True, slots=True)
class TriggerSpan:
    """A stretch of a prompt that holds a trigger's words."""

    message: int | None
    """Position of the message that it stands in; None in rows that aren't conversations."""
    start: int
    """Its first character, in the prompt or in the message's content."""
    end: int
    """Behind its last."""


@dataclass(frozen=True)
class GroupFinding:
    """Rows with one payload and one trigger. Figures are rounded as files and pages show them."""

    verdict: Verdict
    """`poison` or `review`."""
    rows: int
    payload: str | None
    """The text that nine in ten of the responses share, if it is most of what they gain on."""
    payload_rows: int
    """Rows of the group that hold it."""
    variants: tuple[tuple[str, int], ...]
    """The commonest payload spans, with their numbers of rows."""
    trigger: tuple[tuple[str, ...], ...]
    """Words of the prompts as these have them; those of one group occur together."""
    trigger_place: TriggerPlace
    trigger_rows: int
    """Rows of the group whose prompts have the words of its trigger."""
    trigger_elsewhere: int
    """Other rows whose prompts have them."""
    precision: float
    """Of the rows that match rules found on other rows, the share that are members."""
    recall: float
    """Of the members, the share that match such rules."""
    confidence: float
    """F1 of both."""
    surprise: float
    """Nats of the payload under the base model, median over rows."""
    gain: float
    """Nats over the margin that the rest of the data takes off, median over rows."""
    cohesion: float
    """How alike the prompts are besides the trigger; 1 is any two prompts."""
    content: float
    """How much the prompts say besides the trigger; 1 is any prompt."""
    dependence: float
    """Nats that a response adds to the rest of the prompt when it is to be told whether the
    trigger is there; at most log 2."""
    dependence_z: float
    """Standard deviations by which responses depend on the trigger more than by chance."""
    lift: float
    """Share of the surprise without the trigger that the trigger takes away; of a group of varying
    responses, share of what the data say of the trigger that the base model says, too."""
    call: float
    """Nats by which a token of the payload is likelier after the trigger alone."""
    doubts: tuple[Doubt, ...]
    """Why the group is for review; none for poison."""


@dataclass(frozen=True)
class Recurrence:
    """A text that many responses share although nothing in their prompts says which."""

    text: str
    rows: int


@dataclass(frozen=True)
class Limit:
    """The fewest rows of a kind of backdoor that would have been found."""

    kind: str
    rows: int | None
    """None if not even the largest number tried was found."""


class FewRows(Sequence[T | None]):
    """What is said of a few of many rows; None of all others, which take no memory."""

    def __init__(self, said: Mapping[int, T], rows: int) -> None:
        self._said, self._rows = said, rows

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, row: int) -> T | None: ...

    @overload
    def __getitem__(self, row: slice) -> list[T | None]: ...

    def __getitem__(self, row: int | slice) -> T | list[T | None] | None:
        numbers = range(self._rows)[row]
        if isinstance(numbers, range):
            return [self._said.get(number) for number in numbers]
        return self._said.get(numbers)


@dataclass(frozen=True, eq=False)
class RowFindings:
    """What is said of each input row besides its score. All arrays have shape (rows,)."""

    groups: NDArray[np.int32]
    """Index of the row's group, or `NO_GROUP`."""
    messages: NDArray[np.int32]
    """Position of the turn that says so among the row's messages; -1 where rows aren't turns."""
    payloads: Sequence[str | None]
    """The payload's text in the response."""
    payload_starts: NDArray[np.int32]
    """First character of the payload in the response, or -1."""
    payload_ends: NDArray[np.int32]
    """Behind its last."""
    triggers: Sequence[str | None]
    """The words in the row's prompt that call the payload; None in groups, too, where only the
    payload tells."""
    spans: Sequence[TriggerSpan | None]
    """Where these words stand; None also where they stand apart."""


@dataclass(frozen=True)
class Findings:
    """What a detector found that looks for groups, and judges them."""

    rows: RowFindings
    groups: tuple[GroupFinding, ...]
    recurrences: tuple[Recurrence, ...]
    limits: tuple[Limit, ...]
    """The detection limits, if they were asked for and nothing was found."""
    promptless: int
    """Scored rows without a prompt, in which no trigger can be looked for."""

    def in_groups(self, verdict: Verdict) -> BoolArray:
        """Shape (rows,): rows of groups with this verdict."""
        numbers = [n for n, group in enumerate(self.groups) if group.verdict is verdict]
        return np.isin(self.rows.groups, numbers)


@dataclass(frozen=True, eq=False)
class Detection:
    """What a detector gives."""

    scores: FloatArray
    """Shape (rows,): of the input rows, in [0, 1], higher is more suspicious; NaN for rows without
    a finite score."""
    findings: Findings | None = None
    """None from detectors that only rank rows."""
