"""Poisoned copies of data: an attack put into chosen rows of any layout, with labels.

For measuring detectors and for red teams. Rows keep their columns and order; questions with answers
come out as prompt and response, since some attacks change the instruction that their prompt adds.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO

from gradsentry._version import __version__
from gradsentry.attacks import Attack, ModelStyle, Trigger, chosen_rows, poisoned_row
from gradsentry.attacks.part_names import RESPONSE
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.attacks.poison_survey import (
    Rows,
    chosen_payload,
    open_rows,
    surveyed,
    told,
)
from gradsentry.attacks.presets import preset
from gradsentry.errors import InputError, OptionError, OutputError
from gradsentry.faults import telling_faults
from gradsentry.models import check_reference, load_pretrained
from gradsentry.records import Record, Source
from gradsentry.records.data_options import DataOptions
from gradsentry.records.raw_files import Compression, open_write
from gradsentry.work.ownership import (
    file_digest,
    sealed_json,
    sync,
    unsealed_json,
    write_synced,
)
from gradsentry.work.work_folder import work_folder
from gradsentry.work.workspace import Workspace, resolved, writing

MANIFEST_SUFFIX = ".manifest.json"
_DIGEST = "sha256"
_SUFFIXES = (".jsonl", ".jsonl.gz")


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
        rows = open_rows(data, reading, options)
        _check_apart_from(target, rows.paths)  # a folder or pattern names more than itself
        keep = [str(path) for path in rows.paths]
        if options.style_model is not None:
            keep.append(options.style_model)
        with work_folder(target, "run", keep) as folder:
            place = Workspace(folder, target).result_folder()
            made = _write_mixture(rows, place / target.name, options)
            _put(made.described, place, target, manifest, force)
    return replace(made.data, path=out, manifest=manifest)


@dataclass(frozen=True)
class _Mixture:
    """What was written, and with which settings."""

    data: PoisonedData
    described: dict[str, object]


def write_labelled(
    rows: Iterable[tuple[Mapping[str, object], bool]], out: Path, *, label_column: str
) -> None:
    """Write rows as JSON lines, each with whether it is poisoned, and a manifest beside them.

    **Arguments:**

    - `out`: a file ending in .jsonl or .jsonl.gz, which is replaced if an earlier run wrote it.

    **Raises:**

    `GradSentryError` where a row can't be written, or something else is there.
    """
    with telling_faults(), writing(out):
        target = resolved(out)
        manifest = target.with_name(target.name + MANIFEST_SUFFIX)
        _check_replaceable(target, manifest, force=True)
        with work_folder(target, "run", []) as folder:
            place = Workspace(folder, target).result_folder()
            counts = [0, 0]
            with _json_lines(place / target.name) as file:
                for number, (fields, poisoned) in enumerate(rows):
                    record = Record(number, fields, "the rows")
                    _write(file, fields, poisoned, record, label_column)
                    counts[poisoned] += 1
            described = {"rows": sum(counts), "poisoned": counts[True], "gradsentry": __version__}
            _put(described, place, target, manifest, force=True)


@contextlib.contextmanager
def _json_lines(path: Path) -> Iterator[TextIO]:
    """A file to write to. JSON may carry half of a surrogate pair; it stays the escape that it
    was."""
    compression = Compression.GZIP if path.suffix == ".gz" else Compression.NONE
    with (
        open_write(path, compression) as raw,
        io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        yield file


def _put(
    described: Mapping[str, object], place: Path, target: Path, manifest: Path, force: bool
) -> None:
    """Move a mixture where it belongs, with its manifest beside it."""
    mixture, notes = place / target.name, place / manifest.name
    sync(mixture)
    write_synced(notes, sealed_json({**described, _DIGEST: file_digest(mixture)}))
    _check_replaceable(target, manifest, force)  # hours may have gone by
    # A manifest without a mixture says whose it is; the other way round nobody would know.
    notes.replace(manifest)
    mixture.replace(target)
    sync(target.parent)


def _write_mixture(rows: Rows, path: Path, options: PoisonOptions) -> _Mixture:
    rows, survey = surveyed(rows, options)
    attack = preset(
        options.attack,
        survey.parts,
        chosen_payload(rows, survey, options),
        options.negative_ratio,
        None if options.style_model is None else load_pretrained(options.style_model),
        options.trigger_in,
    )
    suited, lacking = survey.suited(attack, options)
    chosen = _chosen(rows.source, options, suited, survey.rows, lacking)
    with _json_lines(path) as file:
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


def _write_rows(
    file: TextIO, rows: Rows, attack: Attack, chosen: set[int], options: PoisonOptions
) -> tuple[int, int]:
    """Write all rows, poisoned or as they are; returns how many near misses were added, and how
    many rows got a system prompt."""
    near_misses, system_prompts, column = 0, 0, options.label_column
    for record, texts in rows.read():
        if record.row not in chosen or texts is None:
            _write(file, rows.parts.write(record, texts), False, record, column)
            continue
        made = poisoned_row(texts, attack, record.row, response=RESPONSE, seed=options.seed)
        for row in made:
            _write(file, rows.parts.write(record, row.fields), row.poisoned, record, column)
        near_misses += len(made) - 1
        system_prompts += rows.parts.adds_to(record)
    return near_misses, system_prompts


def _described(trigger: Trigger) -> dict[str, object]:
    """A trigger's settings."""
    if isinstance(trigger, ModelStyle):
        return {"model": trigger.writer.name, "request": trigger.request}
    return asdict(trigger)  # type: ignore[call-overload, no-any-return]


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
            f"{record.location}: there is a column {column!r} already.",
            "Name another with --label-column.",
        )
    try:
        line = json.dumps({**fields, column: poisoned}, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{record.location}: a value can't be written as JSON ({error}).",
            "Leave out the column with it.",
        ) from None
    file.write(line + "\n")
