"""The commands that measure: tables and figures from a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradsentry.cli.quiet import quiet_libraries

bench = typer.Typer(no_args_is_help=True, help="Measure detectors on labelled mixtures.")


@bench.callback()
def commands() -> None:
    """Measure detectors on labelled mixtures."""


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
    data: Annotated[
        Path,
        typer.Option(help="Folder that the plan's files lie in.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for results.parquet, results.md, plots and a cache. Cells that are there "
            "are not run again.",
            show_default=False,
        ),
    ],
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this table of the plan; may be repeated. [default: all]", show_default=False
        ),
    ] = None,
) -> None:
    """Measure detectors on labelled mixtures, cell by cell; an interrupted run goes on."""
    quiet_libraries()
    from gradsentry.bench import chosen_tables, measured, read_plan, run_identification
    from gradsentry.bench.tables import markdown, write_tables
    from gradsentry.report.terminal import showing_progress

    whole = read_plan(plan)
    chosen = chosen_tables(whole, table)
    try:
        with showing_progress() as progress:
            run_identification(chosen, data, out, progress)
    finally:  # cells that are done have a place in the tables, whatever became of the others
        found = measured(out, whole.cells())
        if found:
            results = [result for _, result in found]
            write_tables(whole, results, out)
            print(markdown(whole, results))
    try:
        from gradsentry.bench.plots import write_plots
    except ImportError:
        progress.note("No figures: they need matplotlib (pip install 'gradsentry[bench]').")
    else:
        write_plots(found, out)
