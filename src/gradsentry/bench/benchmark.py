"""What the kinds of benchmarks have in common: cells are run, then told as tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from gradsentry.bench.cells import run_cells
from gradsentry.bench.folder import held
from gradsentry.bench.plan import C, D, Plan
from gradsentry.bench.results import Result, write_tables
from gradsentry.work.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Benchmark(Generic[D, C]):
    """A kind of plan, by what isn't the same for all kinds."""

    read: Callable[[Path], Plan[D, C]]
    """Reads the plan's file."""
    measuring: Callable[[Path, Path, Progress], Callable[[C], Result]]
    """Gives what measures a cell; takes the folders of the data and of the results."""
    row: Callable[[Result], Result]
    """Makes the row of the Parquet file from a cell's result."""
    markdown: Callable[[Plan[D, C], Sequence[Result]], str]
    """Makes all tables to read."""
    draw: Callable[[Sequence[tuple[C, Result]], Path], list[Path]]
    """Writes all figures into a folder; needs matplotlib."""

    def run(self, plan: Plan[D, C], data: Path, out: Path, progress: Progress) -> None:
        """Run the cells whose results aren't in `out` yet.

        **Arguments:**

        - `data`: the folder that the plan's files lie in, data and models. Cells are named by the
            plan: for other files of the same names take another `out`.
        - `out`: takes what makes a run go on, of which `cache` may be deleted when all is done.
        """
        with held(out, [str(data)]):
            run_cells(plan, out, self.measuring(data, out, progress), progress)

    def write_tables(self, plan: Plan[D, C], results: Sequence[Result], out: Path) -> None:
        """Write all results into one Parquet and one Markdown file."""
        write_tables([self.row(result) for result in results], self.markdown(plan, results), out)
