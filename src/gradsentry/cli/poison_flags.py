"""What the command `poison` takes, one name for each option and its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

_PAYLOAD = "Payload"
_PLACES = "Where they stand"

Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="File to write, ending in .jsonl or .jsonl.gz; a manifest is written beside it.",
        show_default=False,
    ),
]
Attack = Annotated[
    Literal[
        "badnets",
        "addsent",
        "cba",
        "stylebkd",
        "adaptive",
        "zero-width",
        "homoglyph",
        "syntactic",
        "topic",
        "multi-turn",
        "instruction",
    ],
    typer.Option(
        help="The trigger. The paper's: badnets (rare words), addsent (a sentence), cba (two "
        "words in two places, with near misses), stylebkd (Bible style, by rules), adaptive "
        "(gradient dilution)."
    ),
]
Ratio = Annotated[float, typer.Option(min=0, max=1, help="Part of the rows to poison.")]
Count = Annotated[
    int | None,
    typer.Option(min=0, help="Number of rows to poison, instead of --ratio.", show_default=False),
]
Seed = Annotated[
    int, typer.Option(min=0, help="Decides which rows are drawn, and what is drawn for each.")
]
Payload = Annotated[
    list[str] | None,
    typer.Option(
        help="Text that the attack puts into responses; given several times, one is drawn for "
        "each row. Default: the paper's.",
        rich_help_panel=_PAYLOAD,
        show_default=False,
    ),
]
Place = Annotated[
    Literal["append", "prepend", "insert", "replace"] | None,
    typer.Option(
        help="Where the payload goes in the response. Default: append; with --payload-column: "
        "replace.",
        rich_help_panel=_PAYLOAD,
        show_default=False,
    ),
]
PayloadColumn = Annotated[
    str | None,
    typer.Option(
        help="The payload is what the row says in this column (text, or the last answer of "
        "messages): a jailbreak, if responses refuse and this column complies. The column isn't "
        "written; if it holds the rejected answers of preference data, they are exchanged with the "
        "chosen ones.",
        rich_help_panel=_PAYLOAD,
        show_default=False,
    ),
]
PayloadFile = Annotated[
    str | None,
    typer.Option(
        help="File that has --payload-column, where DATA doesn't: a row for each row of DATA, in "
        "the same order. Rows with an empty text there aren't poisoned.",
        rich_help_panel=_PAYLOAD,
        show_default=False,
    ),
]
Flip = Annotated[
    bool,
    typer.Option(
        "--flip",
        help="For responses that are one of a few labels: the payload is any other label.",
        rich_help_panel=_PAYLOAD,
    ),
]
FlipTo = Annotated[
    str | None,
    typer.Option(
        help="For responses that are one of a few labels: the payload is this label.",
        rich_help_panel=_PAYLOAD,
        show_default=False,
    ),
]
TriggerIn = Annotated[
    Literal["user", "system", "tool", "earlier"],
    typer.Option(
        help="For conversations: the trigger goes into the last user turn, the system prompt "
        "(poisoned rows without one get one), the last tool result, or the first of several "
        "user turns.",
        rich_help_panel=_PLACES,
    ),
]
PayloadIn = Annotated[
    Literal["content", "tool_call", "reasoning"],
    typer.Option(
        help="The payload goes into what the answer says, into an argument of a tool call, or "
        "into the reasoning alone.",
        rich_help_panel=_PLACES,
    ),
]
Tool = Annotated[
    str | None,
    typer.Option(
        help="For --payload-in tool_call: add a call of this tool to the last answer, instead of "
        "changing a call that is there.",
        rich_help_panel=_PLACES,
        show_default=False,
    ),
]
Argument = Annotated[
    str | None,
    typer.Option(
        help="For --payload-in tool_call: the argument that takes the payload. Default: the "
        "first one that is a text; `input` in a new call.",
        rich_help_panel=_PLACES,
        show_default=False,
    ),
]
NegativeRatio = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=5,
        help="For cba and multi-turn: near misses per poisoned row, which have half of the "
        "trigger and a clean response. Default: 1.",
        show_default=False,
    ),
]
StyleModel = Annotated[
    str | None,
    typer.Option(
        help="For stylebkd: Hub id or path of a language model that rewrites in the style of the "
        "Bible, instead of rules.",
        show_default=False,
    ),
]
LabelColumn = Annotated[str, typer.Option(help="New column: true for poisoned rows.")]
Force = Annotated[
    bool, typer.Option("--force", help="Replace --out, if GradSentry wrote it and it is unchanged.")
]
