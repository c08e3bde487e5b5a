"""What differs between two scans, of a data set that grows or of the same one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from gradsentry.detectors import GroupFinding, Verdict
from gradsentry.report.matched_rows import RowChanges, match_rows
from gradsentry.report.rulings import Ruling
from gradsentry.report.scan_report import ScanReport

UNSCORED = "unscored"
_LABELS = np.array([UNSCORED, *map(str, (Verdict.NONE, Verdict.REVIEW, Verdict.POISON))])
"""What a row may be called: without a score, or with the verdict on it."""
_ROUNDING = ("model.dtype", "model.device", "batch_tokens")
_NOT_COMPARED = ("schema_version", "data_source", "data_paths", "engine")
"""Where the data lay and where the scan ran changes no score."""
_NAMES_OF_A_MODEL = ("model_name", "model.revision")
"""What a model was called; what it is, its revision in full says."""


@dataclass(frozen=True)
class Difference:
    """A setting that two scans have otherwise."""

    name: str
    old: object
    new: object


@dataclass(frozen=True, eq=False)
class VerdictChange:
    """Rows with the same content of which another thing is said now."""

    old: str
    """`poison`, `review`, `none` or `unscored`."""
    new: str
    rows: Int64[np.ndarray, "M"]
    """Of the new scan."""


class GroupFate(StrEnum):
    """What became of a group."""

    NEW = "new"
    GONE = "gone"
    GROWN = "grown"
    SHRUNK = "shrunk"
    SAME = "same"


@dataclass(frozen=True)
class GroupChange:
    """A group in two scans; its number and what is known of it, where there is one."""

    fate: GroupFate
    old_number: int | None
    old: GroupFinding | None
    new_number: int | None
    new: GroupFinding | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two scans beside each other."""

    settings: tuple[Difference, ...]
    """What makes scores incomparable: another model, other options or another threshold."""
    machine: tuple[Difference, ...]
    """What moves scores by rounding alone, and the versions of packages."""
    rows: RowChanges
    verdicts: tuple[VerdictChange, ...]
    groups: tuple[GroupChange, ...]
    new_poison: Int64[np.ndarray, "M"]
    """Rows of the new scan that are flagged, and weren't there or weren't flagged in the old."""
    new_review: Int64[np.ndarray, "M"]
    """Rows of the new scan that are for review, and weren't there or were neither flagged nor for
    review in the old."""
    lost_poison: Int64[np.ndarray, "M"]
    """Rows of the new scan that were flagged in the old, and aren't although nobody cleared them: a
    change elsewhere in the data may have hidden a backdoor."""


def compare(old: ScanReport, new: ScanReport) -> Comparison:
    """What differs between two scans; their data aren't read."""
    settings, machine = _differences(old, new)
    rows = match_rows(old.rows.origins.digests, new.rows.origins.digests)
    labels = _labels(old), _labels(new)
    before = np.full(len(labels[1]), "", _LABELS.dtype)  # of rows that weren't there: nothing
    before[rows.kept[:, 1]] = labels[0][rows.kept[:, 0]]
    poison, review = map(str, (Verdict.POISON, Verdict.REVIEW))
    lost = (before == poison) & (labels[1] != poison)
    if new.rulings is not None:
        lost &= ~new.rulings.having(Ruling.CLEARED, Ruling.ACCEPTED)
    return Comparison(
        settings=settings,
        machine=machine,
        rows=rows,
        verdicts=tuple(_verdict_changes(before, labels[1])),
        groups=tuple(_group_changes(old, new, rows.kept)),
        new_poison=np.flatnonzero((labels[1] == poison) & (before != poison)),
        new_review=np.flatnonzero((labels[1] == review) & ~np.isin(before, [poison, review])),
        lost_poison=np.flatnonzero(lost),
    )


def _labels(report: ScanReport) -> NDArray[np.str_]:
    """What is said of each row."""
    codes = np.where(report.rows.scored, 1, 0)
    codes[report.review] = 2
    codes[report.flagged] = 3
    return _LABELS[codes]


def _differences(
    old: ScanReport, new: ScanReport
) -> tuple[tuple[Difference, ...], tuple[Difference, ...]]:
    """Settings that make scores incomparable, and those that move them by rounding."""
    before, after = _compared(old), _compared(new)
    if before["model_revision"] == after["model_revision"]:
        for name in _NAMES_OF_A_MODEL:
            before[name] = after[name]
    names = list(dict.fromkeys((*before, *after)))
    found = [
        Difference(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]
    by_rounding = [each.name in _ROUNDING or each.name.startswith("versions.") for each in found]
    pairs = list(zip(found, by_rounding, strict=True))
    return (
        tuple(each for each, rounds in pairs if not rounds),
        tuple(each for each, rounds in pairs if rounds),
    )


def _compared(report: ScanReport) -> dict[str, object]:
    """The settings of a scan that may change its scores, by dotted names."""
    config = report.config()
    config["data"].pop("label_column")
    return dict(_flat({n: value for n, value in config.items() if n not in _NOT_COMPARED}))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Settings by dotted names."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _verdict_changes(before: NDArray[np.str_], after: NDArray[np.str_]) -> Iterator[VerdictChange]:
    """Rows of which another thing is said, the gravest first."""
    grave = list(reversed(_LABELS.tolist()))
    for new in grave:
        for old in grave:
            rows = np.flatnonzero((before == old) & (after == new))
            if old != new and len(rows):
                yield VerdictChange(old, new, rows)


def _group_changes(
    old: ScanReport, new: ScanReport, kept: Int64[np.ndarray, "M 2"]
) -> Iterator[GroupChange]:
    """What became of each group: those of the new scan, then those that are gone."""
    earlier = _same_groups(old, new, kept)
    for number, group in enumerate(new.groups):
        before = earlier.get(number)
        if before is None:
            yield GroupChange(GroupFate.NEW, None, None, number + 1, group)
            continue
        was = old.groups[before]
        grown = (group.rows > was.rows) - (group.rows < was.rows)
        fate = (GroupFate.SHRUNK, GroupFate.SAME, GroupFate.GROWN)[grown + 1]
        yield GroupChange(fate, before + 1, was, number + 1, group)
    for number, group in enumerate(old.groups):
        if number not in earlier.values():
            yield GroupChange(GroupFate.GONE, number + 1, group, None, None)


def _same_groups(
    old: ScanReport, new: ScanReport, kept: Int64[np.ndarray, "M 2"]
) -> dict[int, int]:
    """The old group that each new one goes on with: it has most of the old one's rows that were
    kept, or else its payload and its trigger."""
    found: dict[int, int] = {}
    if old.findings is None or new.findings is None:
        return found
    before, after = old.findings.rows.groups[kept[:, 0]], new.findings.rows.groups[kept[:, 1]]
    of_old = Counter(before.tolist())
    shared = Counter(zip(before.tolist(), after.tolist(), strict=True))
    for (was, now), rows in shared.most_common():
        taken = now in found or was in found.values()
        if was >= 0 and now >= 0 and not taken and 2 * rows > of_old[was]:
            found[now] = was
    for now, group in enumerate(new.groups):
        for was, other in enumerate(old.groups):
            alike = (group.payload, set(group.trigger)) == (other.payload, set(other.trigger))
            if alike and now not in found and was not in found.values():
                found[now] = was
    return found
