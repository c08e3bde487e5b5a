"""The cells of a plan, each run once: what is in the folder of the results isn't run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gradsentry.bench.plan import C, Cell, D, Plan
from gradsentry.bench.results import Result, read_result, tell_if_damaged, write_result
from gradsentry.work.progress import Progress


def run_cells(plan: Plan[D, C], out: Path, run: Callable[[C], Result], progress: Progress) -> None:
    """Run the cells whose results aren't in `out` yet.

    **Arguments:**

    - `out`: takes `cells/` with one JSON file each.
    - `run`: measures one cell.
    """
    cells = plan.cells()
    for number, cell in enumerate(cells, start=1):
        if result_of(cell, out) is not None:
            continue
        path = result_path(cell, out)
        tell_if_damaged(path, progress)
        progress.note(f"Cell {number:,} of {len(cells):,}: {cell.in_words}")
        write_result(path, run(cell))


def measured(plan: Plan[D, C], out: Path) -> list[tuple[C, Result]]:
    """All cells that have a result, with it, in their order."""
    found = [(cell, result_of(cell, out)) for cell in plan.cells()]
    return [(cell, result) for cell, result in found if result is not None]


def result_of(cell: Cell, out: Path) -> Result | None:
    """A cell's result, if all of it is there."""
    result = read_result(result_path(cell, out))
    return None if result is None else cell.completed(result, out)


def result_path(cell: Cell, out: Path) -> Path:
    """Where a cell's result lies."""
    return out / "cells" / f"{cell.file_name}.json"


def by_table(plan: Plan[D, C], results: Sequence[Result]) -> dict[str, list[Result]]:
    """The results of each table of a plan that has some."""
    found = {
        name: [result for result in results if result["table"] == name] for name in plan.tables
    }
    return {name: own for name, own in found.items() if own}
