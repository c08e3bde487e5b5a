"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

_READING = "Reading the data"
_GATE = "Failing a build"

Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA",
        help="Files that are one data set, a folder, `-`, s3://bucket/name or a Hub id. Files are "
        "JSONL, JSON, CSV, TSV or Parquet (also .gz, .bz2, .xz, .zst); several, a pattern or a "
        "folder of them are one data set. `-` is standard input; a folder may be one saved by "
        "`datasets`; a data set on the Hub is owner/name.",
        show_default=False,
    ),
]
PromptColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column with the prompt. Needs --response-column.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
PromptTemplate = Annotated[
    str | None,
    typer.Option(
        help="The prompt, with column names in braces: 'Q: {question}\\nA: '. "
        "\\n is a line end. Needs --response-column.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
ResponseColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column with the response. Without a prompt: plain text, or messages.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Subset = Annotated[
    str | None,
    typer.Option(
        help="Configuration of a Hub data set that has several.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        help="Split of a data set that has several. Default: train.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
FailOn = Annotated[
    Literal["never", "poison", "unjudged", "review"],
    typer.Option(
        "--fail-on",
        metavar="LEVEL",
        help="For CI, fail on poison, unjudged or review. poison: exit with 10 if rows are "
        "flagged. unjudged: that, and exit with 11 if rows that a trainer may learn from have no "
        "score. review: all that, and exit with 12 if rows are up for review. Each exits with 11 "
        "if no row could have been flagged.",
        rich_help_panel=_GATE,
    ),
]
AllowFlagged = Annotated[
    str | None,
    typer.Option(
        metavar="ROWS",
        help="Rows that --fail-on lets be flagged. A number, or a share of the scored rows such as "
        "0.1%. Default: 0.",
        rich_help_panel=_GATE,
        show_default=False,
    ),
]
AllowUnjudged = Annotated[
    str | None,
    typer.Option(
        metavar="ROWS",
        help="Rows that --fail-on lets be unjudged. A number, or a share of all rows such as 2%. "
        "Default: 0.",
        rich_help_panel=_GATE,
        show_default=False,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print one sentence, and errors."),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Print also versions, and what each step took."),
]
Results = Annotated[
    str,
    typer.Argument(
        metavar="DIR",
        help="Results that a scan wrote with --out: a folder, or s3://bucket/name.",
        show_default=False,
    ),
]
ResultsFolder = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", help="Results that a scan wrote with --out: a folder.", show_default=False
    ),
]
DataNow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DATA",
        help="The data that were scanned, if they lie elsewhere now; for several files, give it "
        "again.",
        show_default=False,
    ),
]


def expand_line_ends(template: str | None) -> str | None:
    """A prompt template with a line end for each \\n that is written in it."""
    return None if template is None else template.replace("\\n", "\n")
