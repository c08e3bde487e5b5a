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
) -> None:
    """Measure detectors on labelled mixtures, cell by cell; an interrupted run goes on."""
    quiet_libraries()
    from gradsentry.bench import read_plan, run_identification
    from gradsentry.bench.identify import results
    from gradsentry.bench.tables import markdown, write_tables
    from gradsentry.report.terminal import showing_progress

    read = read_plan(plan)
    with showing_progress() as progress:
        cells = run_identification(read, data, out, progress)
    found = results(out, cells)
    write_tables(read, found, out)
    try:
        from gradsentry.bench.plots import write_plots
    except ImportError:
        progress.note("No figures: they need matplotlib (pip install 'gradsentry[bench]').")
    else:
        write_plots(found, cells, out)
    print(markdown(read, found))
