"""The command with which people decide about a scan's results."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from gradsentry.cli.quiet import quiet_libraries, read_verbosity
from gradsentry.cli.shared_options import DataNow, ResultsFolder
from gradsentry.safe_text import visible

Reviewer = Annotated[
    str | None,
    typer.Option(help="Who decides. Default: your login name.", show_default=False),
]
Port = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of the page. 0 takes one that is free."),
]


_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the address alone, and errors.")]


def review(
    folder: ResultsFolder,
    reviewer: Reviewer = None,
    data: DataNow = None,
    port: Port = 0,
    quiet: _Quiet = False,
) -> None:
    """Decide about the groups and rows of a scan, on a page of this machine.

    Prints the page's address, and serves it until you press Ctrl+C. Each decision is written to
    DIR/decisions.jsonl at once; `gradsentry apply` makes results of them.
    """
    quiet_libraries()
    from gradsentry.report.terminal import showing_progress
    from gradsentry.review.decision_log import DECISIONS_FILE
    from gradsentry.review.reviewing import open_review

    try:
        with ExitStack() as stack:
            with showing_progress(read_verbosity(quiet, False)) as progress:
                server = stack.enter_context(
                    open_review(
                        folder, data=data or None, reviewer=reviewer, port=port, progress=progress
                    )
                )
            if quiet:
                print(server.address, flush=True)
            else:
                print(f"Open this address in your browser: {server.address}")
                print("It works on this machine alone, and for whoever has all of it: keep it.")
                print(f"Decisions are kept in {visible(str(folder / DECISIONS_FILE))}.")
                print("Press Ctrl+C to end the review.", flush=True)
            server.serve()
    except KeyboardInterrupt:
        if not quiet:
            print(
                f"\nThe review has ended. To write results: gradsentry apply "
                f"{visible(str(folder))} --out FOLDER"
            )
