"""The command that compares two scans; no model is loaded, and no data are read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gradsentry.cli.exit_codes import EXIT_INCOMPARABLE, EXIT_POISON, EXIT_REVIEW
from gradsentry.cli.quiet import quiet_libraries
from gradsentry.cli.standard_output import while_read

if TYPE_CHECKING:
    from gradsentry.report.compare import Comparison


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
            "flagged that weren't there or weren't flagged, and with 12 if rows aren't flagged any "
            "more that nobody cleared. new-review: that, and exit with 12 if rows are newly up for "
            "review. Both exit with 13 if the scans had other settings.",
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
    with while_read():
        if format_ == "json":
            print(json_text(comparison_json(before, after, found)))
        else:
            for line in comparison_lines(before, after, found):
                print(line)
    if fail_on != "never":
        _leave_if_failed(found, fail_on)


def _leave_if_failed(found: Comparison, fail_on: str) -> None:
    """Say on standard error why a build fails, and leave with the code of the worst.

    **Raises:**

    `typer.Exit` if it fails.
    """
    review = len(found.new_review) if fail_on == "new-review" else 0
    failures = [
        (EXIT_POISON, len(found.new_poison), "new poison: {:,} rows"),
        (EXIT_REVIEW, review, "new for review: {:,} rows"),
        (EXIT_REVIEW, len(found.lost_poison), "no longer poison: {:,} rows that nobody cleared"),
        (EXIT_INCOMPARABLE, len(found.settings), "not comparable: other settings, {:,} of them"),
    ]
    if fail_on == "new-poison" and len(found.new_review):
        print(
            f"Note: {len(found.new_review):,} rows are newly for review, on which --fail-on "
            "new-poison doesn't fail; --fail-on new-review does.",
            file=sys.stderr,
        )
    present = [(code, problem.format(count)) for code, count, problem in failures if count]
    for _, problem in present:
        print(f"Failed: {problem}.", file=sys.stderr)
    if present:
        print(f"Exit code {present[0][0]}, by --fail-on {fail_on}.", file=sys.stderr)
        raise typer.Exit(present[0][0])
