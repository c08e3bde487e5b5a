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

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from gradsentry._choices import choose
from gradsentry.attacks import Place, Preset
from gradsentry.errors import InputError, OptionError
from gradsentry.pipeline import Detector


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Clean rows to attack."""

    source: tuple[str, ...]
    """Files or Hub ids, read one after the other."""
    rows: int | None = None
    """Take the first so many rows only."""
    subset: str | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        _checked("source", self.source, _is_text)
        _checked("rows", [self.rows], lambda rows: rows is None or _is_count(rows))


@dataclass(frozen=True, kw_only=True)
class TableSpec:
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
            choose(Detector, detector, "detectors")
        for attack in self.attacks:
            if attack != "none":
                choose(Preset, attack, "attacks")
        choose(Place, self.place, "place")
        _checked("payloads", self.payloads, _is_text)
        _checked("models", self.models, lambda model: model is None or _is_text(model))
        _checked("detectors", [self.detectors], lambda detectors: len(detectors) > 0)
        _checked("ratios", self.ratios, lambda ratio: _is_number(ratio) and 0 < ratio < 1)
        _checked("volumes", self.volumes, lambda rows: rows is None or _is_count(rows))
        _checked("seeds", self.seeds, lambda seed: seed == 0 or _is_count(seed))
        _checked("kept", [self.kept], lambda part: _is_number(part) and 0 <= part <= 1)
        for detector, of_data in _named(self.published, set(self.detectors), "published").items():
            for data, figures in _named(of_data, set(self.data), "published").items():
                name = f"published, {detector}, {data},"
                _checked(name, [figures], lambda given: isinstance(given, list))
                _checked(name, figures, _is_number)


def _checked(name: str, values: Iterable[Any], holds: Callable[[Any], bool]) -> None:
    for value in values:
        if not holds(value):
            raise OptionError(f"{name} can't be {value!r}.", "See the example in the docs.")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@dataclass(frozen=True, kw_only=True)
class Cell:
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
    mixture: str
    """A digest of everything that the rows depend on."""
    published: float | None = None
    """What others published for this cell."""


@dataclass(frozen=True, kw_only=True)
class IdentifyPlan:
    """A benchmark of detectors."""

    data: Mapping[str, DataSpec]
    tables: Mapping[str, TableSpec] = field(default_factory=dict)

    def cells(self) -> list[Cell]:
        """All cells, those of one mixture and one model next to each other."""
        all_cells = []
        for name, table in self.tables.items():
            cells: list[Cell] = []
            of_mixture = product(
                table.models, table.data, table.volumes, table.attacks, table.ratios, table.seeds
            )
            for model, data, volume, attack, ratio, seed in of_mixture:
                ratio = 0.0 if attack == "none" else ratio
                rows = [asdict(self.data[data]), volume, attack, ratio, seed]
                payload = [table.payloads, table.place, table.kept]
                for detector, module in product(table.detectors, table.modules):
                    cell = Cell(
                        table=name,
                        data=data,
                        volume=volume,
                        attack=attack,
                        ratio=ratio,
                        seed=seed,
                        detector=detector,
                        model=model,
                        module=module,
                        mixture=digest([*rows, *payload]),
                    )
                    if cell not in cells:
                        cells.append(cell)
            all_cells += _with_published(cells, table, name)
        return all_cells


def _with_published(cells: Sequence[Cell], table: TableSpec, name: str) -> list[Cell]:
    published: dict[Cell, float] = {}
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


def digest(value: object) -> str:
    """A short name for a value."""
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=8).hexdigest()


def read_plan(path: Path) -> IdentifyPlan:
    """Read a plan.

    **Raises:**

    `InputError` or `OptionError` naming what in the file makes no sense.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror}).", "Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{path}: not a YAML file ({line}).", "Mend the file.") from None
    whole = _named(content, {"data", "tables"}, f"{path}")
    data = {
        name: _filled(DataSpec, value, f"{path}, data, {name}")
        for name, value in _named(whole.get("data"), None, f"{path}, data").items()
    }
    tables = {
        name: _filled(TableSpec, value, f"{path}, tables, {name}")
        for name, value in _named(whole.get("tables"), None, f"{path}, tables").items()
    }
    for name, table in tables.items():
        for wanted in table.data:
            if wanted not in data:
                raise OptionError(
                    f"{path}, tables, {name}: no data {wanted!r}.", f"There are {', '.join(data)}."
                )
    plan = IdentifyPlan(data=data, tables=tables)
    plan.cells()  # refuses published figures that don't fit
    return plan


def chosen_tables(plan: IdentifyPlan, names: Sequence[str] | None) -> IdentifyPlan:
    """The plan with these tables only; None leaves all."""
    if names is None:
        return plan
    for name in names:
        if name not in plan.tables:
            raise OptionError(
                f"--table {name}: not in the plan.", f"There are {', '.join(plan.tables)}."
            )
    return replace(plan, tables={name: plan.tables[name] for name in names})


def _named(value: object, known: set[str] | None, place: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{place}: names with values are needed.", "See the example in the docs.")
    if any("/" in name or "\\" in name or name.startswith(".") for name in value):
        raise InputError(f"{place}: names become file names.", "Leave out slashes and dots.")
    unknown = set() if known is None else value.keys() - known
    if unknown:
        raise InputError(
            f"{place}: {sorted(unknown)[0]!r} isn't known here.",
            f"Known are {', '.join(sorted(known or ()))}.",
        )
    return value


def _filled(kind: Any, value: object, place: str) -> Any:
    """A dataclass from names with values; a single value stands for a list of one."""
    known = {item.name: item for item in fields(kind)}
    given = _named(value, set(known), place)
    for name, item in known.items():
        if name not in given and item.default is item.default_factory is MISSING:
            raise InputError(f"{place}: {name!r} is missing.", "See the example in the docs.")
    filled = {}
    for name, own in given.items():
        is_list = str(known[name].type).startswith("tuple")
        filled[name] = tuple(own if isinstance(own, list) else [own]) if is_list else own
    try:
        return kind(**filled)
    except TypeError as error:
        raise InputError(f"{place}: {error}.", "See the example in the docs.") from None
