"""The commands on results that are there: no model is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Annotated, Literal

import typer

from gradsentry.cli.exit_codes import EXIT_INCOMPARABLE, EXIT_POISON, EXIT_REVIEW
from gradsentry.cli.failing import leave_if_failed, read_gate
from gradsentry.cli.quiet import quiet_libraries
from gradsentry.cli.shared_options import AllowFlagged, AllowUnjudged, FailOn
from gradsentry.errors import OptionError

_Folder = Annotated[
    str,
    typer.Argument(
        metavar="DIR",
        help="Results that a scan wrote with --out: a folder, or s3://bucket/name.",
        show_default=False,
    ),
]
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
_DataNow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DATA",
        help="The data that were scanned, if they lie elsewhere now; for several files, give it "
        "again.",
        show_default=False,
    ),
]


def report(
    folder: _Folder,
    threshold: _Threshold = None,
    out: _Out = None,
    force: _Force = False,
    data: _DataNow = None,
    fail_on: FailOn = "never",
    allow_flagged: AllowFlagged = None,
    allow_unjudged: AllowUnjudged = None,
) -> None:
    """Print the verdict of an earlier scan again, or with another threshold."""
    quiet_libraries()
    from gradsentry.report.load_report import load
    from gradsentry.report.terminal import print_verdict

    gate = read_gate(fail_on, allow_flagged, allow_unjudged)
    if force and out is None:
        raise OptionError("`force` is for `out`.", "Name a folder, or leave it out.")
    found = load(folder, data=data)
    if threshold is not None:
        found = found.rethreshold(threshold)
    if out is not None:
        found.save(out, force=force)
    where = out if out is not None else None if threshold is not None else folder
    try:
        print_verdict(found, where)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_standard_output()
    leave_if_failed(found, gate)


def diff(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="Results of a scan.", show_default=False)
    ],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Results of a later one.", show_default=False)
    ],
    format_: Annotated[
        Literal["text", "json"], typer.Option("--format", help="What is printed.")
    ] = "text",
    fail_on: Annotated[
        Literal["never", "new-poison", "new-review"],
        typer.Option(
            "--fail-on",
            metavar="LEVEL",
            help="For CI, fail on new-poison or new-review. new-poison: exit with 10 if rows are "
            "flagged that weren't there or weren't flagged. new-review: that, and exit with 12 if "
            "such rows are up for review. Both exit with 13 if the scans had other settings.",
        ),
    ] = "never",
) -> None:
    """Say what differs between two scans: settings, rows, verdicts and groups.

    Rows are told apart by their content. The data and the model aren't read.
    """
    quiet_libraries()
    from gradsentry.report.compare import compare
    from gradsentry.report.comparison_text import comparison_json, comparison_lines
    from gradsentry.report.load_report import load
    from gradsentry.safe_text import json_text

    before, after = load(old), load(new)
    found = compare(before, after)
    if format_ == "json":
        _print_lines([json_text(comparison_json(before, after, found))])
    else:
        _print_lines(comparison_lines(before, after, found))
    if fail_on == "never":
        return
    if len(found.new_poison):
        raise typer.Exit(EXIT_POISON)
    if fail_on == "new-review" and len(found.new_review):
        raise typer.Exit(EXIT_REVIEW)
    if found.settings:
        raise typer.Exit(EXIT_INCOMPARABLE)


def _print_lines(lines: Iterable[str]) -> None:
    """Print on standard output, as far as somebody reads it."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_standard_output()


def _discard_standard_output() -> None:
    """The reader has left, as `head` does. The work itself was done."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
