"""Poisoned copies of data: an attack put into chosen rows of any layout, with labels.

They measure detectors, and red teams use them. Rows keep their columns and order. Questions with
answers come out as prompt and response, since some attacks change the instruction in the prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gradsentry.attacks import Attack, ModelStyle, Trigger, choose_rows, poison_row
from gradsentry.attacks.mixture_file import Draft, LabelledLines, MixtureFile, open_lines
from gradsentry.attacks.part_names import RESPONSE
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.attacks.poison_survey import (
    Rows,
    Survey,
    choose_payload,
    describe_lacking,
    open_rows,
    survey_rows,
)
from gradsentry.attacks.presets import make_preset
from gradsentry.errors import OptionError, OutputError
from gradsentry.faults import telling_faults
from gradsentry.models import check_reference, load_pretrained
from gradsentry.records import Record, Source
from gradsentry.records.data_options import DataOptions
from gradsentry.work.workspace import writing

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
    """How many rows take no attack, by reason."""
    system_prompts: int = 0
    """Poisoned rows that had no system prompt and got one."""


@dataclass(frozen=True)
class _Counts:
    """What was added to the rows."""

    near_misses: int
    system_prompts: int


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
    - `force`: replace `out` and its manifest, if an earlier run wrote them and they are unchanged.

    **Raises:**

    `GradSentryError` where data, options and output don't fit together.
    """
    with telling_faults(), writing(out):
        _check_name(out, data)
        if options.payload_file is not None:
            _check_apart_from(out, [options.payload_file])
        file = MixtureFile(out, force).resolve()
        file.check_replaceable()
        check_reference(options.style_model)  # before all rows are read
        rows = open_rows(data, reading, options)
        _check_apart_from(file.path, rows.paths)  # the files in a folder, or of a pattern
        keep = [str(path) for path in rows.paths]
        if options.style_model is not None:
            keep.append(options.style_model)
        with file.replace(keep) as draft:
            made = _write_mixture(rows, draft, options)
    return replace(made, path=out, manifest=file.manifest)


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
        file = MixtureFile(out, force=True).resolve()
        file.check_replaceable()
        with file.replace() as draft:
            counts = [0, 0]
            with open_lines(draft.path, label_column) as lines:
                for number, (fields, poisoned) in enumerate(rows):
                    lines.write(fields, poisoned, Record(number, fields, "the rows"))
                    counts[poisoned] += 1
            draft.described.update(rows=sum(counts), poisoned=counts[True])


def check_as_written(out: Path) -> None:
    """Refuse a poisoned copy that somebody changed.

    **Raises:**

    `OutputError`.
    """
    MixtureFile(out, force=True).check_replaceable()


def _write_mixture(rows: Rows, draft: Draft, options: PoisonOptions) -> PoisonedData:
    rows, survey = survey_rows(rows, options)
    attack = _make_attack(rows, survey, options)
    suited, lacking = survey.find_suited(attack, options)
    chosen = _choose_rows(rows.source, options, suited, survey.rows, lacking)
    with open_lines(draft.path, options.label_column) as lines:
        counts = _write_rows(lines, rows, attack, chosen, options.seed)
    made = PoisonedData(
        rows=survey.rows + counts.near_misses,
        poisoned=len(chosen),
        near_misses=counts.near_misses,
        untouchable=survey.rows - len(suited),
        path=draft.path,
        manifest=draft.manifest,
        lacking=lacking,
        system_prompts=counts.system_prompts,
    )
    draft.described.update(_describe_mixture(rows, options, attack, made))
    return made


def _make_attack(rows: Rows, survey: Survey, options: PoisonOptions) -> Attack:
    return make_preset(
        options.attack,
        survey.parts,
        choose_payload(rows, survey, options),
        options.negative_ratio,
        None if options.style_model is None else load_pretrained(options.style_model),
        options.trigger_in,
    )


def _choose_rows(
    source: Source,
    options: PoisonOptions,
    suited: list[int],
    rows: int,
    lacking: Mapping[str, int],
) -> set[int]:
    """The rows to poison.

    **Arguments:**

    - `suited`: the rows that take the attack, and `rows` how many there are in all.
    """
    count = options.count
    if count is None:
        count = max(1, len(suited) if options.ratio == 1 else round(options.ratio * rows))
    if count > len(suited):
        raise OptionError(
            f"{source.label}: {count:,} rows should be poisoned, and {len(suited):,} of {rows:,} "
            f"can be{describe_lacking(lacking)}.",
            "Lower `ratio` or `count`, or take another attack.",
        )
    return {suited[place] for place in choose_rows(len(suited), count, options.seed)}


def _write_rows(
    lines: LabelledLines, rows: Rows, attack: Attack, chosen: set[int], seed: int
) -> _Counts:
    """Write all rows, poisoned or as they are."""
    near_misses, system_prompts = 0, 0
    for record, texts in rows.read():
        if record.row not in chosen or texts is None:
            lines.write(rows.parts.write(record, texts), False, record)
            continue
        made = poison_row(texts, attack, record.row, response=RESPONSE, seed=seed)
        for row in made:
            lines.write(rows.parts.write(record, row.fields), row.poisoned, record)
        near_misses += len(made) - 1
        system_prompts += rows.parts.adds_to(record)
    return _Counts(near_misses, system_prompts)


def _describe_mixture(
    rows: Rows, options: PoisonOptions, attack: Attack, made: PoisonedData
) -> dict[str, object]:
    """What the manifest says of a mixture."""
    return {
        "data": rows.source.label,
        "layout": rows.parts.layout.name,
        **asdict(options),
        "payload": {"kind": type(attack.payload).__name__, **asdict(attack.payload)},
        "negative_ratio": attack.negative_ratio,
        "trigger": {"kind": type(attack.trigger).__name__, **_describe_trigger(attack.trigger)},
        "rows": made.rows,
        "poisoned": made.poisoned,
        "near_misses": made.near_misses,
        "system_prompts_added": made.system_prompts,
        "rows_that_take_no_attack": dict(made.lacking),
    }


def _describe_trigger(trigger: Trigger) -> dict[str, object]:
    """A trigger's settings."""
    if isinstance(trigger, ModelStyle):
        return {"model": trigger.writer.name, "request": trigger.request}
    return asdict(trigger)  # type: ignore[call-overload, no-any-return]


def _check_name(out: Path, data: object) -> None:
    if not out.name.endswith(_SUFFIXES):
        raise OptionError(
            f"`out` {out}: the mixture is written as JSON lines.", "End the name in .jsonl[.gz]."
        )
    names = data if isinstance(data, list | tuple) else [data]
    _check_apart_from(out, [name for name in names if isinstance(name, str | Path)])


def _check_apart_from(out: Path, names: Sequence[str | Path]) -> None:
    """Check that the output isn't one of the files that are read."""
    try:
        same = out.exists() and any(Path(name).exists() and out.samefile(name) for name in names)
    except (OSError, ValueError):
        return  # a name that can't be a file's: reading it raises an error that says so
    if same:
        raise OutputError(f"{out}: this is the data itself.", "Write to another file.")
