"""What a benchmark runs: the YAML file, checked, as cells.

    data:
      webqa: {source: webqa/train.jsonl.gz, rows: 3401}
      nq: {source: [nq/dev.jsonl.gz, nq/test.jsonl.gz]}
    tables:
      attacks:
        data: [webqa, nq]
        attacks: [badnets, cba]
        ratios: [0.1]
        detectors: [transfer, spectral]

A table's cells are all combinations of its lists. Sources are files below the folder that the
command names, or Hub data-set ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TypeVar

from gradsentry.bench.finetune_plan import FinetunePlan
from gradsentry.bench.mixture_files import CLEAN, DataSpec, GivenSpec, MixtureSpec
from gradsentry.bench.spec import checked, filled, is_number, is_text, named, read_parts
from gradsentry.detectors import detector_class
from gradsentry.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class IdentifyTable:
    """Cells that belong together: all combinations of the lists."""

    data: tuple[str, ...]
    detectors: tuple[str, ...]
    attacks: tuple[str, ...] = ("badnets",)
    """Presets, or `none` for clean rows."""
    ratios: tuple[float, ...] = (0.1,)
    volumes: tuple[int | None, ...] = (None,)
    """Take so many rows; null takes all."""
    seeds: tuple[int, ...] = (0,)
    models: tuple[str | None, ...] = (None,)
    """Null is the default model."""
    modules: tuple[str, ...] = ("lm_head",)
    """Whose gradient `spectral` scores."""
    payloads: tuple[str, ...] = ()
    """Instead of the published payload; several are drawn from."""
    place: str = "append"
    kept: float = 1.0
    """The part of the response that stays (gradient dilution)."""
    published: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    """F1 (for clean rows, the part that is kept) that others published: for a detector and a data
    set, one figure for each of their cells, in order."""

    def __post_init__(self) -> None:
        for detector in self.detectors:
            detector_class(detector)
        checked("models", self.models, lambda model: model is None or is_text(model))
        checked("detectors", [self.detectors], lambda detectors: len(detectors) > 0)
        checked("ratios", self.ratios, lambda ratio: is_number(ratio) and 0 < ratio < 1)
        for detector, of_data in named(self.published, set(self.detectors), "published").items():
            for data, figures in named(of_data, set(self.data), "published").items():
                name = f"published, {detector}, {data},"
                checked(name, [figures], lambda given: isinstance(given, list))
                checked(name, figures, is_number)


@dataclass(frozen=True, kw_only=True)
class IdentifyCell:
    """One measurement."""

    table: str
    data: str
    volume: int | None
    attack: str
    ratio: float
    seed: int
    detector: str
    model: str | None
    module: str
    mixture: MixtureSpec
    published: float | None = None
    """What others published for this cell."""


@dataclass(frozen=True, kw_only=True)
class IdentifyPlan:
    """A benchmark of detectors."""

    data: Mapping[str, DataSpec]
    tables: Mapping[str, IdentifyTable] = field(default_factory=dict)

    def cells(self) -> list[IdentifyCell]:
        """All cells, those of one mixture and one model next to each other."""
        all_cells = []
        for name, table in self.tables.items():
            cells: list[IdentifyCell] = []
            of_mixture = product(
                table.models, table.data, table.volumes, table.attacks, table.ratios, table.seeds
            )
            for model, data, volume, attack, ratio, seed in of_mixture:
                ratio = 0.0 if attack == CLEAN else ratio
                mixture = MixtureSpec(
                    data=self.data[data],
                    volume=volume,
                    attack=attack,
                    ratio=ratio,
                    seed=seed,
                    payloads=table.payloads,
                    place=table.place,
                    kept=table.kept,
                )
                for detector, module in product(table.detectors, table.modules):
                    cell = IdentifyCell(
                        table=name,
                        data=data,
                        volume=volume,
                        attack=attack,
                        ratio=ratio,
                        seed=seed,
                        detector=detector,
                        model=model,
                        module=module,
                        mixture=mixture,
                    )
                    if cell not in cells:
                        cells.append(cell)
            all_cells += _with_published(cells, table, name)
        return all_cells


def _with_published(
    cells: Sequence[IdentifyCell], table: IdentifyTable, name: str
) -> list[IdentifyCell]:
    published: dict[IdentifyCell, float] = {}
    for detector, of_data in table.published.items():
        for data, figures in of_data.items():
            own = [cell for cell in cells if (cell.detector, cell.data) == (detector, data)]
            if len(figures) != len(own):
                raise OptionError(
                    f"tables, {name}, published, {detector}, {data}: {len(figures)} figures for "
                    f"{len(own)} cells.",
                    "Give one for each cell.",
                )
            published.update(zip(own, figures, strict=True))
    return [replace(cell, published=published.get(cell)) for cell in cells]


def read_identify_plan(path: Path) -> IdentifyPlan:
    """Read a plan.

    **Raises:**

    `InputError` or `OptionError` naming what in the file makes no sense.
    """
    data, tables = read_parts(path, _data, partial(filled, IdentifyTable))
    plan = IdentifyPlan(data=data, tables=tables)
    plan.cells()  # refuses what makes no mixture, and published figures that don't fit
    return plan


def _data(value: object, place: str) -> DataSpec:
    is_given = isinstance(value, dict) and "poisoned" in value
    spec: DataSpec = filled(GivenSpec if is_given else DataSpec, value, place)
    return spec


Plan = TypeVar("Plan", IdentifyPlan, FinetunePlan)


def chosen_tables(plan: Plan, names: Sequence[str] | None) -> Plan:
    """The plan with these tables only; None leaves all."""
    if names is None:
        return plan
    for name in names:
        if name not in plan.tables:
            raise OptionError(
                f"--table {name}: not in the plan.", f"There are {', '.join(plan.tables)}."
            )
    return replace(plan, tables={name: plan.tables[name] for name in names})
