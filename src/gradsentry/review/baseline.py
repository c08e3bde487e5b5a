"""The baseline: patterns and rows that people cleared, which later scans know and accept.

A baseline is a file that people read and keep beside their data, so an attacker may know it. What
it accepts is therefore narrow:

- A **row** that was cleared as a member of a pattern is accepted if its content is the same, byte
  for byte in every column, *and* the scan finds it in a group with the same trigger and the same
  payload. The same trigger with another payload is another pattern, and is judged as any other.
- A row whose content the baseline doesn't know is **new**, and the detector's decision about it
  stands, even if it follows the pattern to the letter: it may say more than the pattern.
- A row that was cleared by itself is accepted if its content is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from gradsentry.detectors import GroupFinding
from gradsentry.errors import InputError, OutputError
from gradsentry.records.watched_file import first_line, open_regular, reading
from gradsentry.safe_text import json_text
from gradsentry.work.ownership import replacing

_VERSION = 1
_MOST_BYTES = 256 << 20
_WAIT_SECONDS = 60.0
_ABOUT = (
    "Patterns and rows that people cleared. `gradsentry scan --baseline` accepts rows with the "
    "same content in a pattern with the same trigger and payload, and lists all others."
)

Pattern = tuple[frozenset[frozenset[str]], str | None, frozenset[str]]
"""What tells patterns apart: the trigger's words whatever their order, the payload, and where
there isn't one text, the payloads that are named."""


@dataclass(frozen=True)
class KnownPattern:
    """A pattern that a person cleared."""

    trigger: tuple[tuple[str, ...], ...]
    """As in `GroupFinding`, like the two others."""
    payload: str | None
    variants: tuple[str, ...]
    rows: frozenset[str]
    """Digests of the content of the rows that were cleared with it."""
    note: str
    reviewer: str
    time: str

    @property
    def pattern(self) -> Pattern:
        """What tells it from others."""
        return _pattern(self.trigger, self.payload, self.variants)


@dataclass(frozen=True)
class KnownRow:
    """A row that a person cleared by itself."""

    digest: str
    note: str
    reviewer: str
    time: str


@dataclass(frozen=True)
class Baseline:
    """What people cleared so far."""

    patterns: tuple[KnownPattern, ...] = ()
    rows: tuple[KnownRow, ...] = ()
    digest: str | None = None
    """SHA-256 of the file that it was read from."""

    def pattern_of(self, group: GroupFinding) -> KnownPattern | None:
        """The cleared pattern that a group is; None if it is none."""
        wanted = pattern_of_group(group)
        return next((each for each in self.patterns if each.pattern == wanted), None)


def pattern_of_group(group: GroupFinding) -> Pattern:
    """What tells a group's pattern from others."""
    return _pattern(group.trigger, group.payload, [text for text, _ in group.variants])


def _pattern(
    trigger: Iterable[Iterable[str]], payload: str | None, variants: Iterable[str]
) -> Pattern:
    named = frozenset(variants) if payload is None else frozenset()
    return frozenset(frozenset(words) for words in trigger), payload, named


def merge_pattern(baseline: Baseline, known: KnownPattern) -> Baseline:
    """A baseline with one more pattern; if it has it already, with more rows, and the new note."""
    old = next((each for each in baseline.patterns if each.pattern == known.pattern), None)
    if old is not None:
        known = replace(known, rows=known.rows | old.rows)
    others = [each for each in baseline.patterns if each.pattern != known.pattern]
    return replace(baseline, patterns=(*others, known))


def merge_rows(baseline: Baseline, known: Iterable[KnownRow]) -> Baseline:
    """A baseline with more rows, or with new notes on them."""
    rows = {each.digest: each for each in [*baseline.rows, *known]}
    return replace(baseline, rows=tuple(rows.values()))


def without_pattern(baseline: Baseline, pattern: Pattern) -> Baseline:
    """A baseline without a pattern, which a person confirmed as poison."""
    patterns = tuple(each for each in baseline.patterns if each.pattern != pattern)
    return replace(baseline, patterns=patterns)


def without_rows(baseline: Baseline, digests: frozenset[str]) -> Baseline:
    """A baseline that doesn't know some rows, by themselves or in patterns."""
    return replace(
        baseline,
        patterns=tuple(replace(each, rows=each.rows - digests) for each in baseline.patterns),
        rows=tuple(each for each in baseline.rows if each.digest not in digests),
    )


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _PatternDocument(_Document):
    trigger: list[list[str]]
    payload: str | None
    payload_variants: list[str]
    note: str
    reviewer: str
    time: str
    rows: list[str]


class _RowDocument(_Document):
    digest: str
    note: str
    reviewer: str
    time: str


class _BaselineDocument(_Document):
    gradsentry_baseline: int
    patterns: list[_PatternDocument]
    rows: list[_RowDocument]


def read_baseline(path: str | Path) -> Baseline:
    """The baseline in a file.

    **Raises:**

    `InputError` if the file isn't there, or is no baseline.
    """
    path = Path(path)
    with reading(str(path)), open_regular(path, str(path)) as file:
        if os.fstat(file.fileno()).st_size > _MOST_BYTES:
            raise _no_baseline(path, ValueError("it is too large"))
        text = b"".join(iter(lambda: file.read(1 << 20), b""))
    try:
        found = _BaselineDocument.model_validate(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise _no_baseline(path, error) from None
    if found.gradsentry_baseline != _VERSION:
        raise InputError(
            f"{path}: a baseline of version {found.gradsentry_baseline}, and this version of "
            f"GradSentry reads version {_VERSION}.",
            "Read it with the version that wrote it.",
        )
    patterns = tuple(
        KnownPattern(
            tuple(map(tuple, each.trigger)),
            each.payload,
            tuple(each.payload_variants),
            frozenset(each.rows),
            each.note,
            each.reviewer,
            each.time,
        )
        for each in found.patterns
    )
    rows = tuple(KnownRow(each.digest, each.note, each.reviewer, each.time) for each in found.rows)
    return Baseline(patterns, rows, hashlib.sha256(text).hexdigest())


@contextlib.contextmanager
def locked_baseline(path: Path) -> Iterator[None]:
    """Keep others from writing a baseline between our reading it and our writing it.

    The lock is a hidden file beside it, which stays: whoever waits for it has it open.

    **Raises:**

    `OutputError` if another process keeps it, or the file system has no locks.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=_WAIT_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{path}: another process is writing this baseline.", "Wait for it, and try again."
        ) from None
    except NotImplementedError:
        raise OutputError(
            f"{path}: its file system can't lock files.",
            "Choose a file on another disk with `baseline`.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline into a file, which appears whole or stays as it was.

    The same baseline gives the same bytes.
    """
    with replacing(path) as part:
        part.write_text(json_text(_document(baseline)) + "\n", encoding="utf-8", newline="\n")


def _document(baseline: Baseline) -> dict[str, Any]:
    patterns = [
        {
            "trigger": sorted(map(list, each.trigger)),
            "payload": each.payload,
            "payload_variants": sorted(each.variants),
            "note": each.note,
            "reviewer": each.reviewer,
            "time": each.time,
            "rows": sorted(each.rows),
        }
        for each in baseline.patterns
    ]
    rows = [
        {"digest": each.digest, "note": each.note, "reviewer": each.reviewer, "time": each.time}
        for each in sorted(baseline.rows, key=lambda each: each.digest)
    ]
    return {
        "gradsentry_baseline": _VERSION,
        "about": _ABOUT,
        "patterns": sorted(patterns, key=_place),
        "rows": rows,
    }


def _place(pattern: Mapping[str, Any]) -> str:
    """What patterns are sorted by: all that tells them apart."""
    names = ("trigger", "payload", "payload_variants")
    return json.dumps([pattern[name] for name in names])


def _no_baseline(path: Path, error: Exception) -> InputError:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        why = first_line(error)
    return InputError(
        f"{path}: this is no baseline ({why}).",
        "Name a file that `gradsentry apply --baseline` wrote.",
    )
