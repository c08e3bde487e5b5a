"""Finds, before any row is written, which rows take an attack and what its payload is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from random import Random

from gradsentry.attacks import (
    Attack,
    LabelFlip,
    OtherResponse,
    PayloadIn,
    Place,
    RowPayload,
    Trigger,
    TriggerIn,
)
from gradsentry.attacks.part_names import OTHER, PART_NAMES, QUESTION, RESPONSE
from gradsentry.attacks.parts import Parts
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.attacks.template_ending import find_template_ending
from gradsentry.errors import InputError, OptionError
from gradsentry.records import Record, Source, open_source
from gradsentry.records.data_options import DataOptions
from gradsentry.records.open_data import open_data
from gradsentry.records.record import quoted

_MOST_LABELS = 100
"""More labels than common data sets have, and few enough to list in a message."""


@dataclass(frozen=True)
class Rows:
    """The data's rows, with their other responses if these lie in another file."""

    source: Source
    parts: Parts
    others: Source | None = None
    """The file with the other responses."""
    column: str = ""
    """The column of the other responses in that file."""

    @property
    def paths(self) -> list[Path]:
        """All files that are read."""
        return [*self.source.paths, *(() if self.others is None else self.others.paths)]

    def read(self) -> Iterator[tuple[Record, dict[str, str] | None]]:
        """Each row with its texts by part, or with None if it takes no attack."""
        others = None if self.others is None else iter(self.others.records())
        for record in self.source.records():
            texts = self.parts.read(record)
            if others is not None:
                other = next(others, None)
                if other is None:
                    raise self._make_count_error("fewer")
                if (text := other.text(self.column)) and texts is not None:
                    texts[OTHER] = text
            yield record, texts
        if others is not None and next(others, None) is not None:
            raise self._make_count_error("more")

    def _make_count_error(self, more: str) -> InputError:
        assert self.others is not None
        return InputError(
            f"`payload_file` {self.others.label}: it has {more} rows than {self.source.label}.",
            "Give a row for each row of the data, in the same order.",
        )


@dataclass(frozen=True)
class Survey:
    """Which rows take an attack."""

    rows: int
    """The number of all rows."""
    kinds: Mapping[tuple[frozenset[str], str], list[int]]
    """Numbers of rows by their parts and, where labels are flipped, their label."""
    lacking: Counter[str]
    """How many rows take no attack, by reason."""

    @property
    def parts(self) -> set[str]:
        """All parts that some row has."""
        return {part for parts, _ in self.kinds for part in parts}

    def find_suited(self, attack: Attack, options: PoisonOptions) -> tuple[list[int], Counter[str]]:
        """The rows that take an attack, and how many don't, by reason."""
        suited: list[int] = []
        lacking = Counter(self.lacking)
        is_system = options.trigger_in is TriggerIn.SYSTEM
        lacked = {parts: _find_lacked(attack.trigger, parts) for parts, _ in self.kinds}
        for (parts, label), rows in self.kinds.items():
            reason = _explain_unsuited(attack.payload, parts, label, options)
            if (part := lacked[parts]) is not None:
                reason = f"without {'a system prompt' if is_system else PART_NAMES[part]}"
            if reason is None:
                suited += rows
            else:
                lacking[reason] += len(rows)
        return sorted(suited), lacking


def open_rows(data: object, reading: DataOptions, options: PoisonOptions) -> Rows:
    """Open the data and, if there is one, the file with the other responses."""
    source, layout, _ = open_data(data, reading)
    adds_system = options.trigger_in is TriggerIn.SYSTEM
    if options.payload_file is not None:
        parts = Parts(layout, "", options.target, adds_system)
        others = open_source(options.payload_file, subset=None, split=None)
        return Rows(source, parts, others, str(options.payload_column))
    parts = Parts(layout, "", options.target, adds_system, options.payload_column)
    parts.check_other()
    return Rows(source, parts)


def survey_rows(rows: Rows, options: PoisonOptions) -> tuple[Rows, Survey]:
    """The rows, with the ending of their prompts known, and which of them take an attack."""
    kinds: dict[tuple[frozenset[str], str], list[int]] = {}
    labels: set[str] = set()
    count = 0
    lacking: Counter[str] = Counter()
    column = rows.parts.other_column
    first, there = None, column is None

    def read_questions() -> Iterator[str]:
        nonlocal count, first, there
        for record, texts in rows.read():
            count += 1
            first = first or record
            there = there or column in record.fields
            if texts is None:
                lacking[f"without a question or without {options.target.needed}"] += 1
                continue
            label = texts[RESPONSE].strip() if options.flips else ""
            labels.add(label)
            if len(labels) > _MOST_LABELS:
                raise _make_label_error(sorted(labels))
            kinds.setdefault((frozenset(texts) - _find_same(texts), label), []).append(record.row)
            yield texts[QUESTION]

    ending = find_template_ending(read_questions())
    if first is not None and column is not None and not there:
        first.value(column)  # raises an error that lists the columns
    parts = replace(rows.parts, ending=ending)
    return replace(rows, parts=parts), Survey(count, kinds, lacking)


def _find_same(texts: Mapping[str, str]) -> set[str]:
    """The part of the other response, if it equals the response and so is no payload."""
    return {OTHER} if texts.get(OTHER) == texts[RESPONSE] else set()


def _find_lacked(trigger: Trigger, parts: frozenset[str]) -> str | None:
    """The part that a trigger needs and that isn't among these; None if none is lacking."""
    try:
        trigger(dict.fromkeys(parts, "a text"), Random(0))
    except KeyError as error:
        return str(error.args[0])
    return None


def _explain_unsuited(
    payload: RowPayload, parts: frozenset[str], label: str, options: PoisonOptions
) -> str | None:
    """Why rows with these parts and this label don't take a payload; None if they do."""
    texts = {part: f"the {part}" for part in parts}
    if payload.suits({**texts, RESPONSE: label} if options.flips else texts, RESPONSE):
        return None
    if options.flips:
        return f"that are {quoted((label,))} already"
    return f"without another response in {options.payload_column!r}"


def describe_lacking(lacking: Mapping[str, int]) -> str:
    """Why rows take no attack, in brackets; empty if all take one."""
    reasons = (f"{count:,} {reason}" for reason, count in lacking.items())
    return f" ({', '.join(reasons)})" if lacking else ""


def choose_payload(rows: Rows, survey: Survey, options: PoisonOptions) -> RowPayload | None:
    """The payload for the chosen rows; None for the paper's."""
    if options.flips:
        return _choose_flip(survey, options.flip_to)
    if options.payload_column is None:
        return options.payload
    place = Place.REPLACE if options.payload is None else options.payload.place
    kept = 1.0 if options.payload is None else options.payload.kept
    replaces = place is Place.REPLACE and options.payload_in is PayloadIn.CONTENT
    return OtherResponse(OTHER, place, kept, exchanged=replaces and rows.parts.keeps_other)


def _choose_flip(survey: Survey, target: str | None) -> LabelFlip:
    counts: Counter[str] = Counter()
    for (_, label), rows in survey.kinds.items():
        counts[label] += len(rows)
    labels = tuple(sorted(counts))
    if len(labels) < 2 or 2 * len(labels) > counts.total():
        raise _make_label_error(labels)
    if target is not None and (target := target.strip()) not in labels:
        alike = get_close_matches(target, labels, n=1)
        raise OptionError(
            f"`flip_to` {target!r}: no response is this label.",
            f"Did you mean {quoted(alike)}?" if alike else f"The labels are: {quoted(labels)}.",
        )
    return LabelFlip(labels, target)


def _make_label_error(labels: Sequence[str]) -> OptionError:
    shown = f"such as {quoted(labels[:3])}" if labels else "none"
    return OptionError(
        f"`flip` needs responses that are a few labels; here are {len(labels)} or more: {shown}.",
        "Name the column with the label, with `response_column`, or take another payload.",
    )
