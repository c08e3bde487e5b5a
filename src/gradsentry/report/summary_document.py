"""What `summary.json` holds, as it is read again and as its schema says it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gradsentry.report.rulings import RulingsDocument


class Document(BaseModel):
    """A part of a results folder. What later versions add is ignored."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", strict=True, use_attribute_docstrings=True
    )


def _iso_date(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("it has no time zone")
    return text


class PayloadVariant(Document):
    """A text that a payload has in some rows."""

    text: str
    rows: int


class GroupSummary(Document):
    """Rows with one payload and one trigger."""

    group: int
    """Number of the group, from 1."""
    verdict: str
    """`poison` or `review`."""
    rows: int
    payload: str | None
    """The text that nine in ten of the responses share; null where payloads vary."""
    payload_rows: int
    """Rows of the group that hold it."""
    payload_variants: list[PayloadVariant]
    """The commonest payloads."""
    trigger: list[list[str]]
    """Words of the prompts; those of one list occur together."""
    trigger_place: str
    """`start`, `end`, `anywhere`, `system` or `earlier`."""
    trigger_rows: int
    """Rows of the group that have the trigger."""
    trigger_elsewhere: int
    """Other rows that have it."""
    trigger_precision: float
    """Of the rows that match rules found on other rows, the share that are members."""
    trigger_recall: float
    """Of the members, the share that match such rules."""
    confidence: float
    """F1 of both; not the probability of poison."""
    surprise_nats: float
    """Nats of the payload under the base model, median over rows."""
    gain_nats: float
    """Nats that the rest of the data takes off, median over rows."""
    prompt_cohesion: float
    """How alike the prompts are besides the trigger; 1 is any two prompts."""
    prompt_content: float
    """How much the prompts say besides the trigger; 1 is any prompt."""
    dependence_nats: float
    """Nats that a response adds when it is to be told whether the trigger is there."""
    dependence_z: float
    """Standard deviations by which responses depend on the trigger more than by chance."""
    trigger_lift: float
    """Share of the surprise that the trigger takes away."""
    trigger_call_nats: float
    """Nats by which a token of the payload is likelier after the trigger alone."""
    doubts: list[str]
    """Why the group is for review; empty for poison."""


class RecurrenceSummary(Document):
    """A text that many responses share although nothing in their prompts says which."""

    text: str
    rows: int


class LimitSummary(Document):
    """The fewest rows of a kind of backdoor that would have been found."""

    kind: str
    rows: int | None
    """Null if not even the largest number tried was found."""


class IdentificationSummary(Document):
    """How well flagged rows match known labels."""

    poisoned: int
    """Scored rows that are labelled poisoned."""
    poisoned_skipped: int
    """Rows labelled poisoned that have no score."""
    recall: float
    precision: float
    f1: float
    auroc: float | None
    """Null where all labels are the same."""


class SummaryDocument(Document):
    """The figures of a scan, and the groups that it found."""

    schema_version: int
    """Grows when a reader must know."""
    data: str
    """How the data were named."""
    data_digest: str | None
    """Of the files' bytes; null for rows in memory and on the Hub."""
    layout: str
    """How the columns were read."""
    rows: int
    scored: int
    skipped: int
    """Rows without a score."""
    skipped_reasons: dict[str, int]
    """Rows by the reason why they have none."""
    truncated: int
    """Rows that are longer than the maximum length."""
    unjudged: int
    """Rows without a score that a trainer may learn from all the same."""
    promptless: int | None
    """Scored rows without a prompt; null from detectors that find no groups."""
    control_tokens: int
    """Rows whose own text spells special tokens of the model."""
    notes: list[str]
    """What else there is to know of how the rows were read."""
    verdict: str
    """`poison`, `review` or `none`."""
    flagged: int
    """Rows called poison."""
    review: int
    """Rows that a person must look at; they are not flagged."""
    groups: list[GroupSummary]
    recurrences: list[RecurrenceSummary]
    detection_limits: list[LimitSummary]
    """If they were asked for and nothing was found."""
    detector: str
    threshold: Annotated[float, Field(allow_inf_nan=False)]
    """Rows with a score above it are flagged."""
    threshold_method: str
    """How it was found."""
    near_threshold: int
    """Rows so close to it that another batch size may decide otherwise."""
    cannot_reach_threshold: int
    """Scored rows with too few target tokens for any score above it."""
    rounding: float
    """How far scores move when rows are batched otherwise."""
    model: str
    model_revision: str
    dtype: str
    device: str
    max_length: int
    """Tokens that a row may have."""
    date: Annotated[str, AfterValidator(_iso_date)]
    """When the scan began, in UTC, as ISO 8601 writes it."""
    seconds: Annotated[float, Field(allow_inf_nan=False)]
    """Wall time of the scan."""
    version: str
    """Of GradSentry."""
    versions: Annotated[dict[str, str], Field(default_factory=dict)]
    """Of the packages that compute scores."""
    identification: IdentificationSummary | None = None
    """Only with a column of known labels."""
    rulings: RulingsDocument | None = None
    """What people decided; only where somebody did."""
    files: Annotated[dict[str, str], Field(default_factory=dict)]
    """The parts of the data with the names of their files: `clean`, `flagged`, and where there are
    such rows `review` (which are in `clean`, too) and `skipped`."""
