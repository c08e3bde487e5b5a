"""The command that prints the verdict of an earlier scan again; no model is loaded."""

from __future__ import annotations

from typing import Annotated

import typer

from gradsentry.cli.failing import leave_if_failed, read_gate
from gradsentry.cli.quiet import quiet_libraries, read_verbosity
from gradsentry.cli.shared_options import (
    AllowFlagged,
    AllowUnjudged,
    DataNow,
    FailOn,
    Quiet,
    Results,
    Verbose,
)
from gradsentry.cli.standard_output import while_read
from gradsentry.errors import OptionError

_Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="SCORE",
        min=0,
        max=1,
        help="Flag rows with a score above this, instead of what the scan flagged.",
        show_default=False,
    ),
]
_Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="Another folder for all results with this threshold; the data are read for it.",
        show_default=False,
    ),
]
_Force = Annotated[
    bool, typer.Option("--force", help="Replace the results of an earlier scan in --out.")
]


def report(
    folder: Results,
    threshold: _Threshold = None,
    out: _Out = None,
    force: _Force = False,
    data: DataNow = None,
    fail_on: FailOn = "never",
    allow_flagged: AllowFlagged = None,
    allow_unjudged: AllowUnjudged = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Print the verdict of an earlier scan again, or with another threshold."""
    quiet_libraries()
    from gradsentry.outputs.letter_count import share_of_other_letters
    from gradsentry.report.load_report import load
    from gradsentry.report.terminal import print_verdict

    verbosity = read_verbosity(quiet, verbose)
    gate = read_gate(fail_on, allow_flagged, allow_unjudged)
    if force and out is None:
        raise OptionError("`force` is for `out`.", "Name a folder, or leave it out.")
    found = load(folder, data=data)
    if threshold is not None:
        found = found.rethreshold(threshold)
    if out is not None:
        found.save(out, force=force)
    where = out if out is not None else None if threshold is not None else folder
    letters = None if out is None or quiet else share_of_other_letters(found)
    with while_read():
        print_verdict(found, where, verbosity, letters)
    leave_if_failed(found, gate)
