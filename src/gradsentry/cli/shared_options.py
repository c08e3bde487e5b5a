"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

_READING = "Reading the data"

Data = Annotated[
    list[str],
    typer.Argument(
        help="A JSONL, JSON, CSV, TSV or Parquet file (also .gz, .bz2, .xz, .zst), several that "
        "are one data set, or a folder of them; objects of a store (s3://bucket/name); `-` for "
        "standard input; a folder saved by `datasets`; or a Hub data-set id (owner/name).",
        show_default=False,
    ),
]
PromptColumn = Annotated[
    str | None,
    typer.Option(
        help="Column with the prompt; needs --response-column.",
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


def expand_line_ends(template: str | None) -> str | None:
    """A prompt template with a line end for each \\n that is written in it."""
    return None if template is None else template.replace("\\n", "\n")
