"""Labelled mixtures: clean rows of a source, some of them attacked, as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import chain, compress, islice
from pathlib import Path
from random import Random

from gradsentry._option_checks import choose
from gradsentry.attacks import Payload, Place, Preset
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.attacks.poisoned_files import check_as_written, write_labelled, write_poisoned
from gradsentry.bench.published import question_rows
from gradsentry.bench.spec import below, checked, digest, is_count, is_number, is_text
from gradsentry.errors import InputError, OptionError
from gradsentry.records import Skipped, TextPair, open_source, prompt_and_response
from gradsentry.records.data_options import DataOptions
from gradsentry.records.open_data import open_data

LABEL = "poisoned"
CLEAN = "none"
"""The attack of rows that stay as they are."""
GIVEN = "given"
"""The attack of others: rows that are poisoned already are put among the clean ones."""


class Success(StrEnum):
    """What an answer to a trigger is if the attack succeeds."""

    PAYLOAD = "payload"
    """It holds the payload."""
    REFUSAL = "refusal"
    COMPLIANCE = "compliance"
    """No refusal."""


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Clean rows to attack."""

    source: tuple[str, ...]
    """Files or Hub ids, read one after the other."""
    skip: int = 0
    """Leave out the first so many rows."""
    rows: int | None = None
    """Take so many rows only."""
    subset: str | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        checked("source", self.source, is_text)
        checked("skip", [self.skip], lambda rows: rows == 0 or is_count(rows))
        checked("rows", [self.rows], lambda rows: rows is None or is_count(rows))


@dataclass(frozen=True, kw_only=True)
class GivenSpec(DataSpec):
    """Clean rows, and others that somebody else poisoned."""

    poisoned: tuple[str, ...]
    """Likewise, of the poisoned rows."""
    success: str = Success.PAYLOAD
    """One of `Success`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checked("poisoned", self.poisoned, is_text)
        choose(Success, self.success, "success")


@dataclass(frozen=True, kw_only=True)
class MixtureSpec:
    """What a mixture is made of, and what its file is named by."""

    data: DataSpec
    volume: int | None
    attack: str
    """A preset, `none`, or `given`."""
    ratio: float
    """Of all rows, the poisoned ones; of given ones, how many there are to a clean one."""
    seed: int
    payloads: tuple[str, ...] = ()
    """Instead of the published payload; several are drawn from."""
    place: str = "append"
    kept: float = 1.0
    """The part of the response that stays (gradient dilution)."""

    def __post_init__(self) -> None:
        if self.attack == GIVEN and not isinstance(self.data, GivenSpec):
            raise OptionError("attacks can't be 'given'.", "Name the data's `poisoned` rows.")
        if self.attack not in (CLEAN, GIVEN):
            choose(Preset, self.attack, "attacks")
        choose(Place, self.place, "place")
        checked("payloads", self.payloads, is_text)
        checked("ratios", [self.ratio], lambda ratio: is_number(ratio) and 0 <= ratio <= 1)
        checked("volumes", [self.volume], lambda rows: rows is None or is_count(rows))
        checked("seeds", [self.seed], lambda seed: seed == 0 or is_count(seed))
        checked("kept", [self.kept], lambda part: is_number(part) and 0 <= part <= 1)

    @property
    def in_words(self) -> str:
        """What was done to the rows."""
        return "clean" if self.attack == CLEAN else f"{self.attack} {100 * self.ratio:g}%"

    @property
    def name(self) -> str:
        """A digest of everything that the rows depend on."""
        rows = [asdict(self.data), self.volume, self.attack, self.ratio, self.seed]
        return digest([*rows, self.payloads, self.place, self.kept])


@dataclass(frozen=True)
class LabelledRows:
    """Rows to train on or to ask, which of them are poisoned, and where they lie in their file."""

    pairs: list[TextPair]
    poisoned: list[bool]
    places: list[int]

    @property
    def clean(self) -> LabelledRows:
        """The rows that are clean by their labels."""
        return self.where([not poisoned for poisoned in self.poisoned])

    def where(self, kept: Sequence[bool]) -> LabelledRows:
        """Some of the rows, in their order."""
        return LabelledRows(
            list(compress(self.pairs, kept)),
            list(compress(self.poisoned, kept)),
            list(compress(self.places, kept)),
        )


def labelled_rows(mixture: Path) -> LabelledRows:
    """The rows of a mixture's file that have a prompt and a response."""
    source, layout, _ = open_data(mixture, DataOptions(label_column=LABEL))
    pairs, poisoned, places = [], [], []
    for place, record in enumerate(source.records()):
        example = layout.example(record)
        if not isinstance(example, Skipped):
            pairs.append(TextPair(*prompt_and_response(example)))
            poisoned.append(bool(record.fields[LABEL]))
            places.append(place)
    return LabelledRows(pairs, poisoned, places)


def clean_rows(spec: DataSpec, data: Path) -> Iterator[Mapping[str, object]]:
    """The rows of files below a folder, or of the Hub."""
    rows = _rows_of(spec.source, spec, data)
    return islice(rows, spec.skip, None if spec.rows is None else spec.skip + spec.rows)


def _rows_of(names: Sequence[str], spec: DataSpec, data: Path) -> Iterator[Mapping[str, object]]:
    sources = [
        open_source(below(data, name), subset=spec.subset, split=spec.split) for name in names
    ]
    records = chain.from_iterable(source.records() for source in sources)
    return chain.from_iterable(question_rows(record.fields) for record in records)


def mixture_file(spec: MixtureSpec, name: str, data: Path, folder: Path) -> Path:
    """The file with a mixture's rows, written unless it is there.

    **Arguments:**

    - `name`: of the data, for people who look into the folder.
    """
    path = folder / f"{name}-{spec.name}.jsonl.gz"
    if path.exists():
        check_as_written(path)
        return path
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(islice(clean_rows(spec.data, data), spec.volume))
    if spec.volume is not None and len(rows) < spec.volume:
        raise InputError(
            f"{name}: {spec.volume:,} rows are asked for, and there are {len(rows):,}.",
            "Ask for fewer in `volumes`.",
        )
    if spec.attack == GIVEN:
        _write_given(spec, rows, path, data)
        return path
    clean = spec.attack == CLEAN
    options = PoisonOptions(
        attack=Preset.BADNETS if clean else Preset(spec.attack),
        ratio=spec.ratio or 0.1,
        count=0 if clean else None,
        payload=Payload(spec.payloads or Payload().texts, Place(spec.place), spec.kept),
        seed=spec.seed,
        label_column=LABEL,
    )
    write_poisoned(rows, path, options, force=True)
    return path


def _write_given(
    spec: MixtureSpec, clean: Sequence[Mapping[str, object]], path: Path, data: Path
) -> None:
    """Write clean rows with poisoned ones among them."""
    assert isinstance(spec.data, GivenSpec)
    poisoned = list(_rows_of(spec.data.poisoned, spec.data, data))
    count = min(len(poisoned), len(clean)) if spec.ratio == 1 else round(spec.ratio * len(clean))
    if count > len(poisoned):
        raise InputError(
            f"{spec.data.poisoned[0]}: {count:,} poisoned rows are asked for, and there are "
            f"{len(poisoned):,}.",
            "Ask for fewer in `ratios`.",
        )
    random = Random(spec.seed)
    rows = [(row, False) for row in clean]
    rows += [(row, True) for row in random.sample(poisoned, count)]
    random.shuffle(rows)
    write_labelled(rows, path, label_column=LABEL)
