"""The command that makes results of decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradsentry.cli.quiet import quiet_libraries, read_verbosity
from gradsentry.cli.shared_options import DataNow, Quiet, ResultsFolder, Verbose
from gradsentry.cli.standard_output import while_read

Out = Annotated[
    str,
    typer.Option(
        "--out",
        "-o",
        help="Folder for the new results, or s3://bucket/name. Those in DIR stay as they are.",
        show_default=False,
    ),
]
BaselineOut = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        help="File to which what you cleared is added, and from which what you confirmed is taken; "
        "`gradsentry scan --baseline` honours it. Made if it isn't there.",
        show_default=False,
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace earlier results in --out. Nothing else ever is.")
]


def apply(
    folder: ResultsFolder,
    out: Out,
    baseline: BaselineOut = None,
    data: DataNow = None,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write the results in DIR anew, as people decided about them with `gradsentry review`.

    What was cleared is among the clean rows then, what was confirmed among the flagged ones. The
    report says who decided. The same decisions give the same bytes.
    """
    quiet_libraries()
    from gradsentry.outputs.letter_count import share_of_other_letters
    from gradsentry.report.terminal import print_verdict
    from gradsentry.review import apply_decisions

    verbosity = read_verbosity(quiet, verbose)
    report = apply_decisions(folder, out, data=data or None, baseline=baseline, force=force)
    letters = None if quiet else share_of_other_letters(report)
    with while_read():
        print_verdict(report, out, verbosity, letters)
