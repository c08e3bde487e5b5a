"""What every plan is: data by name, and tables of the cells that are measured on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from gradsentry.bench.results import Result
from gradsentry.bench.spec import named, read_yaml
from gradsentry.errors import OptionError


class Cell(Protocol):
    """One measurement of a plan."""

    @property
    def table(self) -> str:
        """The table that it belongs to."""
        ...

    @property
    def in_words(self) -> str:
        """What is measured."""
        ...

    @property
    def file_name(self) -> str:
        """The name of its result's file, which says everything that the result depends on."""
        ...

    def completed(self, result: Result, out: Path, /) -> Result | None:
        """What a result's file says, and what isn't in it; None if a part of that is missing.

        **Arguments:**

        - `out`: the folder of the benchmark.
        """
        ...


C = TypeVar("C", bound=Cell)
D = TypeVar("D")
D_contra = TypeVar("D_contra", contravariant=True)


class Table(Protocol[D_contra, C]):
    """Cells that belong together."""

    @property
    def data(self) -> tuple[str, ...]:
        """The names of the data that it takes."""
        ...

    def cells(self, name: str, data: Mapping[str, D_contra]) -> list[C]:
        """Its cells, each once.

        **Arguments:**

        - `name`: the table's own.
        - `data`: those of the plan.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Plan(Generic[D, C]):
    """A benchmark."""

    data: Mapping[str, D]
    tables: Mapping[str, Table[D, C]] = field(default_factory=dict)

    def cells(self) -> list[C]:
        """The cells of all tables."""
        return [
            cell for name, table in self.tables.items() for cell in table.cells(name, self.data)
        ]


def read_plan(
    path: Path,
    of_data: Callable[[object, str], D],
    of_table: Callable[[object, str], Table[D, C]],
) -> Plan[D, C]:
    """Read a plan; its tables ask for data that are there.

    **Arguments:**

    - `of_data`, `of_table`: make one from what the file says and the place where it says so.

    **Raises:**

    `InputError` or `OptionError` naming what in the file makes no sense.
    """
    whole = named(read_yaml(path), {"data", "tables"}, f"{path}")

    def part(name: str) -> dict[str, tuple[object, str]]:
        values = named(whole.get(name), None, f"{path}, {name}")
        return {own: (value, f"{path}, {name}, {own}") for own, value in values.items()}

    data = {name: of_data(*value) for name, value in part("data").items()}
    tables = {name: of_table(*value) for name, value in part("tables").items()}
    for name, table in tables.items():
        for wanted in table.data:
            if wanted not in data:
                raise OptionError(
                    f"{path}, tables, {name}: no data {wanted!r}.", f"There are {', '.join(data)}."
                )
    plan = Plan(data=data, tables=tables)
    plan.cells()  # refuses what makes no cell
    return plan


def chosen_tables(plan: Plan[D, C], names: Sequence[str] | None) -> Plan[D, C]:
    """The plan with these tables only; None leaves all."""
    if names is None:
        return plan
    for name in names:
        if name not in plan.tables:
            raise OptionError(
                f"`table` {name}: not in the plan.", f"There are {', '.join(plan.tables)}."
            )
    return replace(plan, tables={name: plan.tables[name] for name in names})
