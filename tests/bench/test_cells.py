"""Cells are run once, in their order; a run that was interrupted goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from gradsentry.bench.cells import by_table, measured, result_path, run_cells
from gradsentry.bench.folder import kept_in
from gradsentry.bench.plan import Plan
from gradsentry.bench.results import Result
from gradsentry.work.progress import Silent


@dataclass(frozen=True)
class Cell:
    table: str
    number: int

    @property
    def in_words(self) -> str:
        return f"{self.table}: {self.number}"

    @property
    def file_name(self) -> str:
        return f"cell-{self.number}"

    def completed(self, result: Result, out: Path, /) -> Result | None:
        """What isn't in the file is in another one."""
        if not (out / f"{self.number}.txt").exists():
            return None
        return {"table": self.table, **result}


@dataclass(frozen=True)
class Table:
    data: tuple[str, ...]
    numbers: tuple[int, ...]

    def cells(self, name: str, _: Mapping[str, object]) -> list[Cell]:
        return [Cell(name, number) for number in self.numbers]


PLAN = Plan(data={}, tables={"t": Table((), (1, 2)), "u": Table((), (3, 2)), "v": Table((), ())})


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


class Run:
    """Measures cells, and stops at one of them."""

    def __init__(self, out: Path, stop: int | None = None) -> None:
        self.out, self.stop = out, stop
        self.seen: list[int] = []

    def __call__(self, cell: Cell) -> Result:
        if cell.number == self.stop:
            raise KeyboardInterrupt
        self.seen.append(cell.number)
        (self.out / f"{cell.number}.txt").touch()
        return {"square": cell.number**2}


def test_cells_are_run_once_and_told_in_words(tmp_path: Path) -> None:
    notes, run = Notes(), Run(tmp_path)
    run_cells(PLAN, tmp_path, run, notes)
    assert notes.lines == ["Cell 1 of 4: t: 1", "Cell 2 of 4: t: 2", "Cell 3 of 4: u: 3"]
    run_cells(PLAN, tmp_path, run, notes)
    assert run.seen == [1, 2, 3]  # both tables have the second, in one file
    results = [result for _, result in measured(PLAN, tmp_path)]
    assert [(result["table"], result["square"]) for result in results] == [
        ("t", 1),
        ("t", 4),
        ("u", 9),
        ("u", 4),
    ]
    assert by_table(PLAN, results) == {"t": results[:2], "u": results[2:]}


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_cells(PLAN, tmp_path, Run(tmp_path, stop=2), Silent())
    assert measured(PLAN, tmp_path) == [(Cell("t", 1), {"table": "t", "square": 1})]
    again = Run(tmp_path)
    run_cells(PLAN, tmp_path, again, Silent())
    assert again.seen == [2, 3]


def test_a_damaged_result_is_measured_again_and_kept(tmp_path: Path) -> None:
    run_cells(PLAN, tmp_path, Run(tmp_path), Silent())
    path = result_path(Cell("t", 1), tmp_path)
    path.write_text(path.read_text().replace("1", "7", 1))
    notes, run = Notes(), Run(tmp_path)
    run_cells(PLAN, tmp_path, run, notes)
    assert run.seen == [1]
    assert "damaged or changed" in notes.lines[0]
    assert len(kept_in(tmp_path)) == 1


def test_a_result_without_what_belongs_to_it_is_measured_again(tmp_path: Path) -> None:
    run_cells(PLAN, tmp_path, Run(tmp_path), Silent())
    (tmp_path / "3.txt").unlink()
    assert len(measured(PLAN, tmp_path)) == 3
    run = Run(tmp_path)
    run_cells(PLAN, tmp_path, run, Silent())
    assert run.seen == [3]
