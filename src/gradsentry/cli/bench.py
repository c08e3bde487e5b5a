"""The commands that measure: tables and figures from a YAML file."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.cli.quiet import quiet_libraries, read_verbosity
from gradsentry.cli.shared_options import Verbose
from gradsentry.settings_here import refuse_settings_here

if TYPE_CHECKING:
    from gradsentry.bench import Benchmark, Plan
    from gradsentry.bench.plan import C, D
    from gradsentry.report.terminal import Verbosity

bench = typer.Typer(no_args_is_help=True, help="Measure detectors and what they are good for.")


_Data = Annotated[
    Path, typer.Option(help="Folder that the plan's files lie in.", show_default=False)
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the tables alone, and errors.")]
_Tables = Annotated[
    list[str] | None,
    typer.Option(
        help="Only this table of the plan; may be repeated. [default: all]", show_default=False
    ),
]


@bench.callback()
def commands() -> None:
    """Measure detectors and what they are good for."""


@bench.command()
def identify(
    plan: Annotated[
        Path,
        typer.Argument(
            help="YAML file that says which data, attacks, ratios, volumes, detectors, models and "
            "seeds.",
            show_default=False,
        ),
    ],
    data: _Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for results.parquet, results.md, plots, cells and a cache. Cells that are "
            "there are not run again; the plan names them, so take another folder for other "
            "files.",
            show_default=False,
        ),
    ],
    table: _Tables = None,
    quiet: _Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure detectors on labelled mixtures, cell by cell; an interrupted run goes on."""
    quiet_libraries()
    from gradsentry.bench import IDENTIFY

    _measure(IDENTIFY, plan, data, out, table, read_verbosity(quiet, verbose))


@bench.command()
def finetune(
    plan: Annotated[
        Path,
        typer.Argument(
            help="YAML file that says which data, attacks, defences, seeds and models, and how "
            "they are tuned.",
            show_default=False,
        ),
    ],
    data: _Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for results.parquet, results.md, plots, cells, outcomes and a cache. "
            "Cells that are there are not run again; the plan names them, so take another folder "
            "for other files.",
            show_default=False,
        ),
    ],
    table: _Tables = None,
    quiet: _Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Tune models behind defences and measure what they answer; an interrupted run goes on."""
    quiet_libraries()
    from gradsentry.bench import FINETUNE

    _measure(FINETUNE, plan, data, out, table, read_verbosity(quiet, verbose))


def _measure(
    benchmark: Benchmark[D, C],
    path: Path,
    data: Path,
    out: Path,
    tables: Sequence[str] | None,
    verbosity: Verbosity,
) -> None:
    """Run some tables of a plan, or all, and tell what is known of all of them."""
    from gradsentry.bench import chosen_tables
    from gradsentry.bench.folder import is_ours
    from gradsentry.report.terminal import showing_progress

    whole = benchmark.read(path)
    chosen = chosen_tables(whole, tables)
    try:
        with showing_progress(verbosity) as progress:
            benchmark.run(chosen, data, out, progress)
    finally:  # cells that are done have a place in the tables, whatever became of the others
        if is_ours(out):
            _tell(benchmark, whole, out)


def _tell(benchmark: Benchmark[D, C], plan: Plan[D, C], out: Path) -> None:
    """Write and print the tables and figures of all cells that have a result."""
    from gradsentry.bench import measured

    found = measured(plan, out)
    if not found:
        return
    with _telling_of_kept(out):
        benchmark.write_tables(plan, [result for _, result in found], out)
        if _can_draw():
            benchmark.draw(found, out)
    _print_lines(out / "results.md")


@contextlib.contextmanager
def _telling_of_kept(out: Path) -> Iterator[None]:
    """Say which tables and figures somebody had changed, and under which names they are kept."""
    from gradsentry.bench.folder import kept_in
    from gradsentry.safe_text import visible

    before = kept_in(out)
    yield
    for path in sorted(kept_in(out) - before):
        print(visible(f"Changed since it was written, and kept: {path}"), file=sys.stderr)


def _print_lines(path: Path) -> None:
    """A text on standard output; names in it come from plans and data."""
    from gradsentry.safe_text import visible

    for line in path.read_text(encoding="utf-8").split("\n"):
        print(visible(line))


def _can_draw() -> bool:
    """Whether figures can be made; says what is missing."""
    refuse_settings_here("matplotlibrc", "matplotlib")
    found = find_spec("matplotlib") is not None
    if not found:
        message = "No figures: they need matplotlib (pip install 'gradsentry[bench]')."
        print(message, file=sys.stderr)
    return found
