"""Plans: what is no plan, and some of a plan's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from gradsentry.bench.plan import Plan, chosen_tables, read_plan
from gradsentry.errors import GradSentryError


@dataclass(frozen=True)
class Table:
    data: tuple[str, ...]

    def cells(self, name: str, data: Mapping[str, object]) -> list[str]:
        return [f"{name} of {data[own]}" for own in self.data]


def read(path: Path) -> Plan:
    return read_plan(path, lambda value, _: value, lambda value, _: Table(tuple(value)))


def test_the_cells_of_all_tables_are_a_plans(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("data: {a: 1, b: 2}\ntables: {t: [a, b], u: [b]}\n")
    assert read(path).cells() == ["t of 1", "t of 2", "u of 2"]


@pytest.mark.parametrize("content", ["a: [", "- 1", ""])
def test_a_file_that_is_no_plan_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(content)
    with pytest.raises(GradSentryError, match=r"plan\.yaml"):
        read(path)
    with pytest.raises(GradSentryError, match="can't be read"):
        read(tmp_path / "none.yaml")


def test_a_table_of_other_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("data: {a: 1}\ntables: {t: [c]}\n")
    with pytest.raises(GradSentryError, match="tables, t: no data 'c'"):
        read(path)


def test_some_tables_are_chosen_by_their_names() -> None:
    plan = Plan(data={"a": 1}, tables={"t": Table(("a",)), "u": Table(("a",))})
    with pytest.raises(GradSentryError, match="`table` v: not in the plan"):
        chosen_tables(plan, ["v"])
    assert chosen_tables(plan, None) == plan
    assert chosen_tables(plan, ["u"]).cells() == ["u of 1"]
