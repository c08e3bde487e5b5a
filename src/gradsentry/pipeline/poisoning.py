"""Poisoned copies of data: an attack put into chosen rows of any layout, with labels.

For measuring detectors and for red teams. Rows keep their columns and order; questions with answers
come out as prompt and response, since some attacks change the instruction that their prompt adds.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TextIO

from gradsentry._choices import check_options, check_seed
from gradsentry._version import __version__
from gradsentry.attacks import (
    Attack,
    ModelStyle,
    Payload,
    Trigger,
    chosen_rows,
    poisoned_row,
)
from gradsentry.attacks.parts import QUESTION, RESPONSE, Parts, template_ending
from gradsentry.attacks.presets import Preset, preset
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
from gradsentry.pipeline.work_folder import work_folder
from gradsentry.pipeline.workspace import Workspace, resolved, writing
from gradsentry.records import Layout, Record, Source
from gradsentry.records.raw_files import Compression, open_write

MANIFEST_SUFFIX = ".manifest.json"
_DIGEST = "sha256"
_SUFFIXES = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, kw_only=True)
class PoisonOptions:
    """What to poison, and how much of it."""

    attack: Preset = Preset.BADNETS
    ratio: float = 0.1
    """Poisoned rows as a part of all rows; 1 poisons all that the attack suits."""
    count: int | None = None
    """Poisoned rows, instead of a ratio; 0 writes a clean copy with labels."""
    payload: Payload = field(default_factory=Payload)
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
        target = resolved(out)
        manifest = target.with_name(target.name + MANIFEST_SUFFIX)
        _check_replaceable(target, manifest, force)
        check_reference(options.style_model)  # before all rows are read
        source, layout, _ = opened(data, reading)
        _check_apart_from(target, source.paths)  # a folder or pattern names more than itself
        keep = [str(path) for path in source.paths]
        if options.style_model is not None:
            keep.append(options.style_model)
        with work_folder(target, "run", keep) as folder:
            place = Workspace(folder, target).result_folder()
            mixture, notes = place / target.name, place / manifest.name
            made = _write_mixture(source, layout, mixture, options)
            sync(mixture)
            write_synced(notes, sealed_json({**made.described, _DIGEST: file_digest(mixture)}))
            _check_replaceable(target, manifest, force)  # hours may have gone by
            # A manifest without a mixture says whose it is; the other way round nobody would know.
            notes.replace(manifest)
            mixture.replace(target)
            sync(target.parent)
    return PoisonedData(made.rows, made.poisoned, made.near_misses, made.untouchable, out, manifest)


@dataclass(frozen=True)
class _Mixture:
    """What was written, and with which settings."""

    rows: int
    poisoned: int
    near_misses: int
    untouchable: int
    described: dict[str, object]


def _write_mixture(source: Source, layout: Layout, path: Path, options: PoisonOptions) -> _Mixture:
    parts, texts, rows = _surveyed(source, Parts(layout))
    attack = preset(
        options.attack,
        set().union(*texts),
        options.payload,
        options.negative_ratio,
        None if options.style_model is None else load_pretrained(options.style_model),
    )
    suited = sorted(row for kind, found in texts.items() if _takes(attack, kind) for row in found)
    chosen = _chosen(source, options, suited, rows)
    compression = Compression.GZIP if path.suffix == ".gz" else Compression.NONE
    # JSON may carry half of a surrogate pair; it stays the escape that it was.
    with (
        open_write(path, compression) as raw,
        io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        near_misses = _write_rows(file, source, parts, attack, chosen, options)
    described = {
        "data": source.label,
        "layout": layout.name,
        **asdict(options),
        "payload": asdict(attack.payload),
        "negative_ratio": attack.negative_ratio,
        "trigger": {"kind": type(attack.trigger).__name__, **_described(attack.trigger)},
        "rows": rows + near_misses,
        "poisoned": len(chosen),
        "near_misses": near_misses,
        "gradsentry": __version__,
    }
    return _Mixture(rows + near_misses, len(chosen), near_misses, rows - len(suited), described)


def _chosen(source: Source, options: PoisonOptions, suited: list[int], rows: int) -> set[int]:
    count = options.count
    if count is None:
        count = max(1, len(suited) if options.ratio == 1 else round(options.ratio * rows))
    if count > len(suited):
        raise OptionError(
            f"{source.label}: {count:,} rows should be poisoned, and {len(suited):,} of {rows:,} "
            "can be.",
            "Lower --ratio or --count, or take another attack.",
        )
    return {suited[place] for place in chosen_rows(len(suited), count, options.seed)}


def _write_rows(
    file: TextIO,
    source: Source,
    parts: Parts,
    attack: Attack,
    chosen: set[int],
    options: PoisonOptions,
) -> int:
    """Write all rows, poisoned or as they are; returns how many near misses were added."""
    near_misses, column = 0, options.label_column
    for record in source.records():
        texts = parts.read(record)
        if record.row not in chosen or texts is None:
            _write(file, parts.written(record, texts), False, record, column)
            continue
        made = poisoned_row(texts, attack, record.row, response=RESPONSE, seed=options.seed)
        for row in made:
            _write(file, parts.written(record, row.fields), row.poisoned, record, column)
        near_misses += len(made) - 1
    return near_misses


def _surveyed(source: Source, parts: Parts) -> tuple[Parts, dict[frozenset[str], list[int]], int]:
    """The way to read the rows, those that can be attacked by the parts they have, and how many
    there are in all."""
    found: dict[frozenset[str], list[int]] = {}
    rows = 0

    def questions() -> Iterator[str]:
        nonlocal rows
        for record in source.records():
            rows += 1
            texts = parts.read(record)
            if texts is not None:
                found.setdefault(frozenset(texts), []).append(record.row)
                yield texts[QUESTION]

    ending = template_ending(questions())
    return replace(parts, ending=ending), found, rows


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


def check_as_written(out: Path) -> None:
    """Refuse a poisoned copy that somebody changed.

    **Raises:**

    `OutputError`.
    """
    _check_replaceable(out, out.with_name(out.name + MANIFEST_SUFFIX), force=True)


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
