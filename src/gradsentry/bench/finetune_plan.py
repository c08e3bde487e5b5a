"""What a fine-tuning benchmark runs: the YAML file, checked, as cells.

    data:
      nq: {source: nq/train.jsonl.gz, rows: 1000, test: nq/dev.jsonl.gz, prompts: 200}
    tables:
      lora:
        data: nq
        attacks: [badnets, cba]
        ratios: 0.1
        defences: [none, oracle, transfer]
        seeds: [0, 1]
        tuning: {method: lora, learning_rate: 1.0e-3}

A table's cells are all combinations of its lists. Sources are files below the folder that the
command names, or Hub data-set ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path

from gradsentry.bench.finetune_outcomes import with_outcomes
from gradsentry.bench.mixture_files import CLEAN, DataSpec, GivenSpec, MixtureSpec, Success
from gradsentry.bench.plan import Plan, read_plan
from gradsentry.bench.results import Result
from gradsentry.bench.spec import checked, digest, filled, is_count, is_number, is_text, named
from gradsentry.errors import OptionError
from gradsentry.registry import DETECTORS
from gradsentry.tuning import TuningOptions

UNDEFENDED, ORACLE, CUBE, ONION, CLEANGEN = "none", "oracle", "cube", "onion", "cleangen"
DEFENCES = (
    UNDEFENDED,
    ORACLE,
    *(detector for detector in DETECTORS.own if detector != ONION),
    ONION,
    CLEANGEN,
)


@dataclass(frozen=True, kw_only=True)
class TuningData:
    """Clean rows to attack and to train on, and others to ask about."""

    source: tuple[str, ...]
    """Files or Hub ids, read one after the other."""
    rows: int | None = None
    """Train on the first so many rows only."""
    test: tuple[str, ...] = ()
    """Likewise, of the rows that the tuned model is asked about; by default those of `source` that
    are behind the ones it is trained on."""
    poisoned: tuple[str, ...] = ()
    """Likewise, of rows that somebody else poisoned, for the attack `given`."""
    triggered: tuple[str, ...] = ()
    """Likewise, of `test` rows with their trigger."""
    success: str = Success.PAYLOAD
    """What an answer to these is if the attack succeeds, one of `Success`."""
    prompts: int = 200
    """Ask about the first so many rows, as they are and with a trigger."""
    new_tokens: int = 40
    """The most that an answer may have."""

    def __post_init__(self) -> None:
        if self.rows is None and not self.test:
            raise OptionError(
                "There is nothing to ask about: training takes all rows.", "Give `test` or `rows`."
            )
        if bool(self.poisoned) != bool(self.triggered) or (self.triggered and not self.test):
            raise OptionError(
                "Rows that are poisoned already need others to ask about.",
                "Give `poisoned`, `triggered` and `test`.",
            )
        checked("prompts", [self.prompts], is_count)
        checked("new_tokens", [self.new_tokens], is_count)
        _ = self.training, self.testing  # checked there

    @property
    def training(self) -> DataSpec:
        """The rows to train on."""
        if self.poisoned:
            return GivenSpec(source=self.source, rows=self.rows, poisoned=self.poisoned)
        return DataSpec(source=self.source, rows=self.rows)

    @property
    def testing(self) -> DataSpec:
        """The rows to ask about."""
        if self.triggered:
            return GivenSpec(
                source=self.test,
                rows=self.prompts,
                poisoned=self.triggered,
                success=self.success,
            )
        if self.test:
            return DataSpec(source=self.test, rows=self.prompts)
        return DataSpec(source=self.source, skip=self.rows or 0, rows=self.prompts)


@dataclass(frozen=True, kw_only=True)
class FinetuneCell:
    """One model tuned on one set of rows."""

    table: str
    data: str
    model: str | None
    mixture: MixtureSpec
    defence: str
    tuning: TuningOptions
    testing: DataSpec
    """The rows that the tuned model is asked about."""
    new_tokens: int

    @property
    def in_words(self) -> str:
        """What is measured."""
        return (
            f"{self.table}: {self.data}, {self.mixture.in_words}, {self.defence}, "
            f"{self.tuning.method}, seed {self.tuning.seed}"
        )

    @property
    def file_name(self) -> str:
        """The name of the result's file; tables that have the cell share it."""
        known = {name: value for name, value in asdict(self).items() if name != "table"}
        return f"{self.data}-{self.defence}-{digest(known)}"

    def completed(self, result: Result, out: Path, /) -> Result | None:
        """The result with its table and outcomes, if those are there."""
        whole = with_outcomes(result, out)
        return None if whole is None else {"table": self.table, **whole}


@dataclass(frozen=True, kw_only=True)
class FinetuneTable:
    """Cells that belong together: all combinations of the lists."""

    data: tuple[str, ...]
    attacks: tuple[str, ...] = ("badnets",)
    """Presets, `none` for clean rows, or `given` for the data's own poisoned ones."""
    ratios: tuple[float, ...] = (0.1,)
    defences: tuple[str, ...] = (UNDEFENDED, ORACLE, "transfer")
    """What happens to rows, prompts or answers:

    - `none`;
    - `oracle`: training on the rows that are clean by their labels;
    - a detector: training on the rows that it doesn't flag, where `cube` reads them with a model
      that was tuned on all of them;
    - `onion`: tuning undefended, words removed from the prompts that the tuned model is asked;
    - `cleangen`: tuning undefended, each next token held against the model before tuning.
    """
    seeds: tuple[int, ...] = (0,)
    """Draw the poisoned rows, and the order of training."""
    models: tuple[str | None, ...] = (None,)
    """Null is the default model."""
    payloads: tuple[str, ...] = ()
    """Instead of the published payload; several are drawn from."""
    place: str = "append"
    tuning: TuningOptions = field(default_factory=TuningOptions)

    def __post_init__(self) -> None:
        for defence in self.defences:
            if defence not in DEFENCES:
                known = ", ".join(DEFENCES)
                raise OptionError(f"defences can't be {defence!r}.", f"Known are {known}.")
        for name in ("data", "attacks", "ratios", "defences", "seeds", "models"):
            checked(name, [getattr(self, name)], lambda values: len(values) > 0)
        checked("models", self.models, lambda model: model is None or is_text(model))
        checked("ratios", self.ratios, lambda ratio: is_number(ratio) and 0 < ratio < 1)

    def cells(self, name: str, data: Mapping[str, TuningData]) -> list[FinetuneCell]:
        """All cells."""
        cells: dict[FinetuneCell, None] = {}
        settings = product(
            self.models, self.data, self.ratios, self.seeds, self.attacks, self.defences
        )
        for model, source, ratio, seed, attack, defence in settings:
            mixture = MixtureSpec(
                data=data[source].training,
                volume=None,
                attack=attack,
                ratio=0.0 if attack == CLEAN else ratio,
                seed=seed,
                payloads=self.payloads,
                place=self.place,
            )
            cell = FinetuneCell(
                table=name,
                data=source,
                model=model,
                mixture=mixture,
                defence=defence,
                tuning=replace(self.tuning, seed=seed),
                testing=data[source].testing,
                new_tokens=data[source].new_tokens,
            )
            cells[cell] = None  # clean rows have no ratio: they are one cell
        return list(cells)


FinetunePlan = Plan[TuningData, FinetuneCell]
"""A benchmark of defences by what tuned models do."""


def read_finetune_plan(path: Path) -> FinetunePlan:
    """Read a plan.

    **Raises:**

    `InputError` or `OptionError` naming what in the file makes no sense.
    """
    return read_plan(path, partial(filled, TuningData), _table)


def _table(value: object, place: str) -> FinetuneTable:
    given = named(value, None, place)
    tuning = filled(TuningOptions, given.get("tuning", {}), f"{place}, tuning")
    if "seed" in given.get("tuning", {}):
        raise OptionError(f"{place}: tuning takes no seed of its own.", "Give the table's `seeds`.")
    table: FinetuneTable = filled(FinetuneTable, {**given, "tuning": tuning}, place)
    return table
