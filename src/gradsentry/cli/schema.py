"""The command that prints the schema of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from gradsentry.safe_text import json_text


def schema(
    name: Annotated[
        str, typer.Argument(help="summary, or annotated (of each line).", show_default=False)
    ],
) -> None:
    """Print the JSON Schema of summary.json, or of a line of annotated.jsonl."""
    from gradsentry.outputs.schemas import json_schema

    print(json_text(json_schema(name)))
