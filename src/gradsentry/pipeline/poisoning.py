"""Poisoned copies of data: an attack put into chosen rows of any layout, with labels.

For measuring detectors and for red teams. Rows keep their columns and order; questions with answers
come out as prompt and response, since some attacks change the instruction that their prompt adds.
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from random import Random
from typing import TextIO

from gradsentry._choices import check_options, check_seed
from gradsentry._version import __version__
from gradsentry.attacks import (
    Attack,
    LabelFlip,
    ModelStyle,
    OtherResponse,
    Payload,
    PayloadIn,
    Place,
    RowPayload,
    Target,
    Trigger,
    TriggerIn,
    chosen_rows,
    poisoned_row,
)
from gradsentry.attacks.parts import OTHER, QUESTION, RESPONSE, Parts, template_ending
from gradsentry.attacks.presets import PART_NAMES, Preset, check_place, preset
from gradsentry.errors import InputError, OptionError, OutputError
from gradsentry.faults import telling_faults
from gradsentry.models import check_reference, load_pretrained
from gradsentry.pipeline.options import DataOptions
from gradsentry.pipeline.ownership import (
    file_digest,
    sealed_json,
    sync,
    unsealed_json,
    write_synced,
)
from gradsentry.pipeline.reading import opened
from gradsentry.pipeline.workspace import Workspace, resolved, work_folder, writing
from gradsentry.records import Record, Source, open_source
from gradsentry.records.raw_files import Compression, open_write
from gradsentry.records.record import quoted

MANIFEST_SUFFIX = ".manifest.json"
_DIGEST = "sha256"
_SUFFIXES = (".jsonl", ".jsonl.gz")
_MOST_LABELS = 100
"""More than the classes of common data sets, and few enough to be told in a message."""


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
    seed: int = 0
    """Draws the rows and what is drawn for each."""
    label_column: str = "poisoned"
    """New column: true for poisoned rows."""
    style_model: str | None = None
    """A model that rewrites for `stylebkd`, instead of rules."""

    def __post_init__(self) -> None:
        check_options(self)
        check_seed(self.seed)
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


@dataclass(frozen=True)
class PoisonedData:
    """What was written."""

    rows: int
    poisoned: int
    near_misses: int
    untouchable: int
    """Rows that take no attack: without a response, say, or without the part that it changes."""
    path: Path
    manifest: Path
    lacking: Mapping[str, int]
    """These rows by what is the matter with them."""
    system_prompts: int = 0
    """Poisoned rows that had no system prompt and got one."""


def write_poisoned(
    data: object,
    out: Path,
    options: PoisonOptions = PoisonOptions(),
    *,
    reading: DataOptions = DataOptions(),
    force: bool = False,
) -> PoisonedData:
    """Write a poisoned copy of data as JSON lines, and a manifest beside it.

    **Arguments:**

    - `data`: as in a scan.
    - `out`: a file ending in .jsonl or .jsonl.gz.
    - `reading`: which rows to read, and which columns mean what.
    - `force`: replace `out` and its manifest if they are there, as an earlier run wrote them.

    **Raises:**

    `GradSentryError` where data, options and output don't fit together.
    """
    with telling_faults(), writing(out):
        _check_name(out, data)
        if options.payload_file is not None:
            _check_apart_from(out, [options.payload_file])
        target = resolved(out)
        manifest = target.with_name(target.name + MANIFEST_SUFFIX)
        _check_replaceable(target, manifest, force)
        check_reference(options.style_model)  # before all rows are read
        rows = _rows(data, reading, options)
        _check_apart_from(target, rows.paths)  # a folder or pattern names more than itself
        keep = [str(path) for path in rows.paths]
        if options.style_model is not None:
            keep.append(options.style_model)
        with work_folder(target, "run", keep) as folder:
            place = Workspace(folder, target).result_folder()
            mixture, notes = place / target.name, place / manifest.name
            made = _write_mixture(rows, mixture, options)
            sync(mixture)
            write_synced(notes, sealed_json({**made.described, _DIGEST: file_digest(mixture)}))
            _check_replaceable(target, manifest, force)  # hours may have gone by
            # A manifest without a mixture says whose it is; the other way round nobody would know.
            notes.replace(manifest)
            mixture.replace(target)
            sync(target.parent)
    return replace(made.data, path=out, manifest=manifest)


@dataclass(frozen=True)
class _Mixture:
    """What was written, and with which settings."""

    data: PoisonedData
    described: dict[str, object]


@dataclass(frozen=True)
class _Rows:
    """The rows to poison, with another response of each where that is the payload."""

    source: Source
    parts: Parts
    others: Source | None = None
    """Rows with the other responses."""
    column: str = ""
    """Their column."""

    @property
    def paths(self) -> list[Path]:
        """All files that are read."""
        return [*self.source.paths, *(() if self.others is None else self.others.paths)]

    def read(self) -> Iterator[tuple[Record, dict[str, str] | None]]:
        """Rows, and their texts by part; None for one that takes no attack."""
        others = None if self.others is None else iter(self.others.records())
        for record in self.source.records():
            texts = self.parts.read(record)
            if others is not None:
                other = next(others, None)
                if other is None:
                    raise self._uneven("fewer")
                if (text := other.text(self.column)) and texts is not None:
                    texts[OTHER] = text
            yield record, texts
        if others is not None and next(others, None) is not None:
            raise self._uneven("more")

    def _uneven(self, more: str) -> InputError:
        assert self.others is not None
        return InputError(
            f"--payload-file {self.others.label}: it has {more} rows than {self.source.label}.",
            "Give a row for each row of the data, in the same order.",
        )


@dataclass(frozen=True)
class _Survey:
    """Which rows can be attacked."""

    rows: int
    """All there are."""
    kinds: Mapping[tuple[frozenset[str], str], list[int]]
    """Rows by the parts they have and, where labels are flipped, by their label."""
    lacking: Counter[str]
    """Rows that can't, by what is the matter with them."""

    @property
    def parts(self) -> set[str]:
        """All parts that rows have."""
        return {part for parts, _ in self.kinds for part in parts}

    def suited(self, attack: Attack, options: PoisonOptions) -> tuple[list[int], Counter[str]]:
        """The rows that take an attack, and why the others don't."""
        suited: list[int] = []
        lacking = Counter(self.lacking)
        is_system = options.trigger_in is TriggerIn.SYSTEM
        lacked = {parts: _lacked(attack.trigger, parts) for parts, _ in self.kinds}
        for (parts, label), rows in self.kinds.items():
            reason = _untaken(attack.payload, parts, label, options)
            if (part := lacked[parts]) is not None:
                reason = f"without {'a system prompt' if is_system else PART_NAMES[part]}"
            if reason is None:
                suited += rows
            else:
                lacking[reason] += len(rows)
        return sorted(suited), lacking


def _rows(data: object, reading: DataOptions, options: PoisonOptions) -> _Rows:
    source, layout, _ = opened(data, reading)
    adds_system = options.trigger_in is TriggerIn.SYSTEM
    if options.payload_file is not None:
        parts = Parts(layout, "", options.target, adds_system)
        others = open_source(options.payload_file, subset=None, split=None)
        return _Rows(source, parts, others, str(options.payload_column))
    parts = Parts(layout, "", options.target, adds_system, options.payload_column)
    parts.check_other()
    return _Rows(source, parts)


def _write_mixture(rows: _Rows, path: Path, options: PoisonOptions) -> _Mixture:
    rows, survey = _surveyed(rows, options)
    attack = preset(
        options.attack,
        survey.parts,
        _payload(rows, survey, options),
        options.negative_ratio,
        None if options.style_model is None else load_pretrained(options.style_model),
        options.trigger_in,
    )
    suited, lacking = survey.suited(attack, options)
    chosen = _chosen(rows.source, options, suited, survey.rows, lacking)
    compression = Compression.GZIP if path.suffix == ".gz" else Compression.NONE
    # JSON may carry half of a surrogate pair; it stays the escape that it was.
    with (
        open_write(path, compression) as raw,
        io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        near_misses, system_prompts = _write_rows(file, rows, attack, chosen, options)
    count = survey.rows + near_misses
    untouchable = survey.rows - len(suited)
    described = {
        "data": rows.source.label,
        "layout": rows.parts.layout.name,
        **asdict(options),
        "payload": {"kind": type(attack.payload).__name__, **asdict(attack.payload)},
        "negative_ratio": attack.negative_ratio,
        "trigger": {"kind": type(attack.trigger).__name__, **_described(attack.trigger)},
        "rows": count,
        "poisoned": len(chosen),
        "near_misses": near_misses,
        "system_prompts_added": system_prompts,
        "rows_that_take_no_attack": dict(lacking),
        "gradsentry": __version__,
    }
    data = PoisonedData(
        count, len(chosen), near_misses, untouchable, path, path, lacking, system_prompts
    )
    return _Mixture(data, described)


def _payload(rows: _Rows, survey: _Survey, options: PoisonOptions) -> RowPayload | None:
    """What goes into the chosen rows."""
    if options.flips:
        return _flip(survey, options.flip_to)
    if options.payload_column is None:
        return options.payload
    place = Place.REPLACE if options.payload is None else options.payload.place
    kept = 1.0 if options.payload is None else options.payload.kept
    replaces = place is Place.REPLACE and options.payload_in is PayloadIn.CONTENT
    return OtherResponse(OTHER, place, kept, exchanged=replaces and rows.parts.keeps_other)


def _flip(survey: _Survey, target: str | None) -> LabelFlip:
    counts: Counter[str] = Counter()
    for (_, label), rows in survey.kinds.items():
        counts[label] += len(rows)
    labels = tuple(sorted(counts))
    if len(labels) < 2 or 2 * len(labels) > counts.total():
        raise _no_labels(labels)
    if target is not None and (target := target.strip()) not in labels:
        alike = get_close_matches(target, labels, n=1)
        raise OptionError(
            f"--flip-to {target!r}: no response is this label.",
            f"Did you mean {alike[0]!r}?" if alike else f"The labels are: {quoted(labels)}.",
        )
    return LabelFlip(labels, target)


def _no_labels(labels: Sequence[str]) -> OptionError:
    return OptionError(
        f"--flip needs responses that are a few labels; these are: {quoted(labels)}.",
        "Name the column with the label, with --response-column, or take another payload.",
    )


def _chosen(
    source: Source,
    options: PoisonOptions,
    suited: list[int],
    rows: int,
    lacking: Mapping[str, int],
) -> set[int]:
    count = options.count
    if count is None:
        count = max(1, len(suited) if options.ratio == 1 else round(options.ratio * rows))
    if count > len(suited):
        raise OptionError(
            f"{source.label}: {count:,} rows should be poisoned, and {len(suited):,} of {rows:,} "
            f"can be{told(lacking)}.",
            "Lower --ratio or --count, or take another attack.",
        )
    return {suited[place] for place in chosen_rows(len(suited), count, options.seed)}


def told(lacking: Mapping[str, int]) -> str:
    """Why rows take no attack, in brackets; empty if all do."""
    reasons = (f"{count:,} {reason}" for reason, count in lacking.items())
    return f" ({', '.join(reasons)})" if lacking else ""


def _write_rows(
    file: TextIO, rows: _Rows, attack: Attack, chosen: set[int], options: PoisonOptions
) -> tuple[int, int]:
    """Write all rows, poisoned or as they are; returns how many near misses were added, and how
    many rows got a system prompt."""
    near_misses, system_prompts, column = 0, 0, options.label_column
    for record, texts in rows.read():
        if record.row not in chosen or texts is None:
            _write(file, rows.parts.written(record, texts), False, record, column)
            continue
        made = poisoned_row(texts, attack, record.row, response=RESPONSE, seed=options.seed)
        for row in made:
            _write(file, rows.parts.written(record, row.fields), row.poisoned, record, column)
        near_misses += len(made) - 1
        system_prompts += rows.parts.adds_to(record)
    return near_misses, system_prompts


def _surveyed(rows: _Rows, options: PoisonOptions) -> tuple[_Rows, _Survey]:
    """The way to read the rows, and which of them can be attacked."""
    kinds: dict[tuple[frozenset[str], str], list[int]] = {}
    labels: set[str] = set()
    count = 0
    lacking: Counter[str] = Counter()
    column = rows.parts.other_column
    first, there = None, column is None

    def questions() -> Iterator[str]:
        nonlocal count, first, there
        for record, texts in rows.read():
            count += 1
            first = first or record
            there = there or column in record.fields
            if texts is None:
                lacking[f"without a question and {options.target.needed}"] += 1
                continue
            label = texts[RESPONSE].strip() if options.flips else ""
            labels.add(label)
            if len(labels) > _MOST_LABELS:
                raise _no_labels(sorted(labels))
            kinds.setdefault((frozenset(texts) - _same(texts), label), []).append(record.row)
            yield texts[QUESTION]

    ending = template_ending(questions())
    if first is not None and column is not None and not there:
        first.value(column)  # says which columns there are
    parts = replace(rows.parts, ending=ending)
    return replace(rows, parts=parts), _Survey(count, kinds, lacking)


def _same(texts: Mapping[str, str]) -> set[str]:
    """The other response, if it is none."""
    return {OTHER} if texts.get(OTHER) == texts[RESPONSE] else set()


def _lacked(trigger: Trigger, parts: frozenset[str]) -> str | None:
    """The part that a trigger needs and rows with these parts lack."""
    try:
        trigger(dict.fromkeys(parts, "a text"), Random(0))
    except KeyError as error:
        return str(error.args[0])
    return None


def _untaken(
    payload: RowPayload, parts: frozenset[str], label: str, options: PoisonOptions
) -> str | None:
    """Why rows with these parts, and this label, don't take a payload; None if they do."""
    texts = {part: f"the {part}" for part in parts}
    if payload.suits({**texts, RESPONSE: label} if options.flips else texts, RESPONSE):
        return None
    if options.flips:
        return f"that are {quoted((label,))} already"
    return f"without another response in {options.payload_column!r}"


def _described(trigger: Trigger) -> dict[str, object]:
    """A trigger's settings."""
    if isinstance(trigger, ModelStyle):
        return {"model": trigger.writer.name, "request": trigger.request}
    return asdict(trigger)  # type: ignore[call-overload, no-any-return]


def _takes(attack: Attack, parts: frozenset[str]) -> bool:
    try:
        attack.trigger(dict.fromkeys(parts, "a text"), Random(0))
    except KeyError:
        return False
    return True


def _check_name(out: Path, data: object) -> None:
    if not out.name.endswith(_SUFFIXES):
        raise OptionError(
            f"--out {out}: the mixture is written as JSON lines.", "End the name in .jsonl[.gz]."
        )
    names = data if isinstance(data, list | tuple) else [data]
    _check_apart_from(out, [name for name in names if isinstance(name, str | Path)])


def _check_apart_from(out: Path, names: Sequence[str | Path]) -> None:
    try:
        same = out.exists() and any(Path(name).exists() and out.samefile(name) for name in names)
    except (OSError, ValueError):
        return  # there are no such data: they are told of when they are read
    if same:
        raise OutputError(f"{out}: this is the data itself.", "Write to another file.")


def _check_replaceable(out: Path, manifest: Path, force: bool) -> None:
    """Refuse to replace what isn't as an earlier run wrote it: the manifest says how that was."""
    there = [path for path in (out, manifest) if os.path.lexists(path)]
    if not there:
        return
    if not force:
        raise OutputError(f"{there[0]}: there already.", "Use --force to replace it.")
    described = unsealed_json(manifest)
    if described is None:
        if manifest in there:
            problem = f"{manifest}: no manifest as GradSentry wrote it."
        else:
            problem = f"{out}: there is no manifest beside it, so it may be anybody's."
    elif out in there and not (
        out.is_file() and not out.is_symlink() and file_digest(out) == described.get(_DIGEST)
    ):
        problem = f"{out}: not as GradSentry wrote it (its manifest has another digest)."
    else:
        return
    raise OutputError(
        problem,
        "Move or delete it, or choose another file with --out; --force only replaces what "
        "GradSentry wrote.",
    )


def _write(
    file: TextIO, fields: Mapping[str, object], poisoned: bool, record: Record, column: str
) -> None:
    if column in fields:
        raise InputError(
            f"{record.place}: there is a column {column!r} already.",
            "Name another with --label-column.",
        )
    try:
        line = json.dumps({**fields, column: poisoned}, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{record.place}: a value can't be written as JSON ({error}).",
            "Leave out the column with it.",
        ) from None
    file.write(line + "\n")
