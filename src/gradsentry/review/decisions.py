"""A decision: who said what about which group or row, when and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from gradsentry.errors import OptionError
from gradsentry.report import ScanReport

MOST_NOTE = 4000
"""Characters of a note."""
MOST_NAME = 200
_EXCERPT = 500
"""Characters of a row's payload and trigger that a decision repeats."""


class Choice(StrEnum):
    """What a reviewer says."""

    CONFIRMED = "confirmed"
    """This is poison."""
    CLEARED = "cleared"
    """This is meant, and may be trained on."""
    WITHDRAWN = "withdrawn"
    """The decision before doesn't hold any more, and nobody has decided."""


class Subject(StrEnum):
    """What a decision may be about."""

    GROUP = "group"
    ROW = "row"


@dataclass(frozen=True)
class Decision:
    """One decision, as it was made."""

    choice: Choice
    subject: Subject
    index: int
    """Of the group, from 0, or the row's number."""
    content: Mapping[str, Any]
    """What the group or the row was: a number alone would say nothing about another report."""
    note: str
    reviewer: str
    time: str
    """In UTC, as ISO 8601 writes it."""

    @property
    def key(self) -> tuple[Subject, int]:
        """What it is about."""
        return self.subject, self.index


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    choice: str
    subject: str
    number: int
    content: dict[str, Any]
    note: str
    reviewer: str
    time: str


def dump_decision(decision: Decision) -> bytes:
    """A decision as one line of ASCII."""
    group = decision.subject is Subject.GROUP
    line = {
        "choice": str(decision.choice),
        "subject": str(decision.subject),
        "number": decision.index + (1 if group else 0),
        "content": dict(decision.content),
        "note": decision.note,
        "reviewer": decision.reviewer,
        "time": decision.time,
    }
    return json.dumps(line).encode("ascii") + b"\n"


def load_decision(line: bytes) -> Decision:
    """The decision that `dump_decision` wrote.

    **Raises:**

    `ValueError` if it wrote something else.
    """
    try:
        found = _Line.model_validate(json.loads(line))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    subject = Subject(found.subject)
    return Decision(
        Choice(found.choice),
        subject,
        found.number - (1 if subject is Subject.GROUP else 0),
        found.content,
        found.note,
        found.reviewer,
        found.time,
    )


def standing(decisions: Iterable[Decision]) -> dict[tuple[Subject, int], Decision]:
    """The decisions that hold: the last one about each group and row, unless it was withdrawn."""
    last = {decision.key: decision for decision in decisions}
    return {key: each for key, each in last.items() if each.choice is not Choice.WITHDRAWN}


def content_of(report: ScanReport, subject: Subject, index: int) -> dict[str, Any]:
    """What a group or a row is, in words and digests.

    **Raises:**

    `OptionError` if there is none of that number, or the row has no score.
    """
    if subject is Subject.GROUP:
        if not 0 <= index < len(report.groups):
            raise OptionError(
                f"There is no group {index + 1}.", f"The report has {len(report.groups)} groups."
            )
        return _group_content(report, index)
    if not 0 <= index < len(report.scores):
        raise OptionError(
            f"There is no row {index}.", f"Rows are numbered from 0 to {len(report.scores) - 1}."
        )
    if not report.rows.scored[index]:
        raise OptionError(
            f"Row {index} was skipped: it has no score, and is in neither clean nor flagged rows.",
            "Look at it in the data, and keep it or leave it out there.",
        )
    return _row_content(report, index)


def _group_content(report: ScanReport, index: int) -> dict[str, Any]:
    group = report.groups[index]
    assert report.findings is not None
    members = report.rows.origins.digests[report.findings.rows.groups == index]
    return {
        "verdict": str(group.verdict),
        "trigger": [list(words) for words in group.trigger],
        "payload": group.payload,
        "payload_variants": [text for text, _ in group.variants],
        "rows": len(members),
        "rows_sha256": hashlib.sha256(members.tobytes()).hexdigest(),
    }


def _row_content(report: ScanReport, row: int) -> dict[str, Any]:
    origins, found = report.rows.origins, report.findings
    line = int(origins.lines[row])
    group = -1 if found is None else int(found.rows.groups[row])
    payload = None if found is None else found.rows.payloads[row]
    trigger = None if found is None else found.rows.triggers[row]
    return {
        "digest": row_digest(report, row),
        "path": origins.paths[int(origins.path_of[row])],
        "line": None if line < 0 else line,
        "score": float(np.round(report.scores[row], 6)),
        "flagged": bool(report.flagged[row]),
        "group": None if group < 0 else group + 1,
        "trigger": None if trigger is None else trigger[:_EXCERPT],
        "payload": None if payload is None else payload[:_EXCERPT],
    }


def row_digest(report: ScanReport, row: int) -> str:
    """The digest of a row's content, as `scores.parquet` has it."""
    digest: bytes = report.rows.origins.digests[row].tobytes()
    return digest.hex()


def check_note(note: str) -> str:
    """A note that can be kept.

    **Raises:**

    `OptionError` for one that is too long, or no text.
    """
    return _check_text(note, "note", MOST_NOTE)


def check_reviewer(name: str) -> str:
    """The name of a reviewer.

    **Raises:**

    `OptionError` for one that is empty, too long, or no text.
    """
    if not name.strip():
        raise OptionError("`reviewer` is empty.", "Say who decides: `reviewer`.")
    return _check_text(name.strip(), "reviewer", MOST_NAME)


def _check_text(text: str, option: str, most: int) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise OptionError(f"`{option}` is no valid text.", "Type it anew.") from None
    if len(text) > most:
        raise OptionError(
            f"`{option}` has {len(text):,} characters.", f"It may have {most:,}: shorten it."
        )
    return text
