"""What `report.html` shows, as plain values: its template and its script read nothing else.

The script reads them as a JSON document. Whoever adds to the page, such as decisions about rows,
finds here what there is; `PAGE_SCHEMA_VERSION` grows when a reader must know.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

PAGE_SCHEMA_VERSION = 1


class Mark(StrEnum):
    """What a stretch of a row's text is."""

    NONE = ""
    TRIGGER = "trigger"
    PAYLOAD = "payload"


class RowVerdict(StrEnum):
    """What was decided about a row."""

    POISON = "poison"
    FLAGGED = "flagged"
    """Above the threshold, by a detector or a person that doesn't call it poison."""
    REVIEW = "review"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text. Invisible and control characters are escapes already."""

    text: str
    mark: Mark = Mark.NONE


@dataclass(frozen=True, slots=True)
class PageTurn:
    """A turn of a conversation, or the prompt or response of a row that has none."""

    who: str
    guilty: bool
    """Whether it is the one that says what the trigger calls."""
    pieces: tuple[Piece, ...]
    """Empty where turns are left out: `who` says how many."""
    note: str = ""
    """What must be said of it besides."""


@dataclass(frozen=True, slots=True)
class PageRow:
    """A row in the page."""

    row: int
    """From 0, as in `scores.parquet`."""
    place: str
    """Where a person finds it in the data."""
    score: float
    verdict: RowVerdict
    group: int | None
    """Its group's number, from 1."""
    tokens: int
    """That a trainer learns from."""
    turns: tuple[PageTurn, ...]


@dataclass(frozen=True, slots=True)
class PageGroup:
    """A group's number and verdict, for choosing among rows."""

    group: int
    verdict: RowVerdict
    rows: int


@dataclass(frozen=True, slots=True)
class ThresholdSteps:
    """Thresholds to choose from, with the number of rows on either side of each."""

    values: tuple[float, ...]
    flagged: tuple[int, ...]
    """Rows with a score above it."""
    review: tuple[int, ...]
    """Other rows of groups for review."""
    chosen: int
    """Index of the scan's own threshold."""


@dataclass(frozen=True, slots=True)
class PageDocument:
    """All that the script knows."""

    scored: int
    """Rows that have a score: clean ones, and those above the threshold."""
    rows_of_verdict: dict[str, int]
    """Rows of the data with each verdict; those in the page are fewer where there are many."""
    steps: ThresholdSteps
    groups: tuple[PageGroup, ...]
    rows: tuple[PageRow, ...]
    schema_version: int = PAGE_SCHEMA_VERSION


def script_json(value: PageDocument | PageRow) -> Markup:
    """`value` as JSON that can stand within a `<script>` element."""
    text = htmlsafe_json_dumps(asdict(value), dumps=_compact)
    return Markup(text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
