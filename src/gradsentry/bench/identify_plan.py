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
from itertools import product
from pathlib import Path

from gradsentry.bench.mixture_files import CLEAN, DataSpec, GivenSpec, MixtureSpec
from gradsentry.bench.plan import Plan, read_plan
from gradsentry.bench.results import Result
from gradsentry.bench.spec import checked, digest, filled, is_number, is_text, named
from gradsentry.detectors import detector_class
from gradsentry.errors import OptionError


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

    @property
    def in_words(self) -> str:
        """What is measured."""
        volume = "" if self.volume is None else f" ({self.volume:,} rows)"
        module = "" if self.module == "lm_head" else f" of {self.module}"
        model = "" if self.model is None else f", {Path(self.model).name}"
        rows = f"{self.data}{volume}, {self.mixture.in_words}"
        return f"{self.table}: {rows}, {self.detector}{module}{model}"

    @property
    def file_name(self) -> str:
        """The name of the result's file, and of the one with the scores."""
        parts = (
            self.table,
            self.data,
            self.volume or "all",
            self.attack,
            f"{self.ratio:g}",
            self.seed,
            self.detector,
            "default" if self.model is None else f"{Path(self.model).name}-{digest(self.model)}",
            self.module,
            self.mixture.name,
        )
        return "-".join(map(str, parts))

    def completed(self, result: Result, _: Path, /) -> Result | None:
        """The result with what the plan says by now that others published."""
        return {**result, "published": self.published}


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

    def cells(self, name: str, data: Mapping[str, DataSpec]) -> list[IdentifyCell]:
        """All cells, those of one mixture and one model next to each other."""
        cells: dict[IdentifyCell, None] = {}
        of_mixture = product(
            self.models, self.data, self.volumes, self.attacks, self.ratios, self.seeds
        )
        for model, source, volume, attack, ratio, seed in of_mixture:
            mixture = MixtureSpec(
                data=data[source],
                volume=volume,
                attack=attack,
                ratio=0.0 if attack == CLEAN else ratio,
                seed=seed,
                payloads=self.payloads,
                place=self.place,
                kept=self.kept,
            )
            for detector, module in product(self.detectors, self.modules):
                cell = IdentifyCell(
                    table=name,
                    data=source,
                    volume=volume,
                    attack=attack,
                    ratio=mixture.ratio,
                    seed=seed,
                    detector=detector,
                    model=model,
                    module=module,
                    mixture=mixture,
                )
                cells[cell] = None  # clean rows have no ratio: they are one cell
        return _with_published(list(cells), self, name)


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


IdentifyPlan = Plan[DataSpec, IdentifyCell]
"""A benchmark of detectors."""


def read_identify_plan(path: Path) -> IdentifyPlan:
    """Read a plan.

    **Raises:**

    `InputError` or `OptionError` naming what in the file makes no sense.
    """
    return read_plan(path, _data, _table)


def _table(value: object, place: str) -> IdentifyTable:
    table: IdentifyTable = filled(IdentifyTable, value, place)
    return table


def _data(value: object, place: str) -> DataSpec:
    is_given = isinstance(value, dict) and "poisoned" in value
    spec: DataSpec = filled(GivenSpec if is_given else DataSpec, value, place)
    return spec
