"""The command that writes poisoned copies of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gradsentry.cli.options import (
    Data,
    PromptColumn,
    PromptTemplate,
    ResponseColumn,
    Split,
    Subset,
    line_ends,
)
from gradsentry.cli.quiet import quiet_libraries

_PAYLOAD = "Payload"


def poison(
    data: Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File for the mixture, ending in .jsonl or .jsonl.gz; a manifest comes beside it.",
            show_default=False,
        ),
    ],
    attack: Annotated[
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
    ] = "badnets",
    ratio: Annotated[
        float, typer.Option(min=0, max=1, help="Poisoned rows as a part of all rows.")
    ] = 0.1,
    count: Annotated[
        int | None,
        typer.Option(min=0, help="Poisoned rows, instead of a ratio.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the rows and what goes into them.")] = 0,
    payload: Annotated[
        list[str] | None,
        typer.Option(
            help="Text that the attack puts into responses; given several times, one is drawn for "
            "each row. Default: the paper's.",
            rich_help_panel=_PAYLOAD,
            show_default=False,
        ),
    ] = None,
    place: Annotated[
        Literal["append", "prepend", "insert", "replace"],
        typer.Option(help="Where it goes in the response.", rich_help_panel=_PAYLOAD),
    ] = "append",
    negative_ratio: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=5,
            help="cba, multi-turn: rows with half of the trigger and a clean response, per "
            "poisoned row. Default: 1.",
            show_default=False,
        ),
    ] = None,
    style_model: Annotated[
        str | None,
        typer.Option(
            help="stylebkd: Hub id or path of a language model that rewrites in the style of the "
            "Bible, instead of rules.",
            show_default=False,
        ),
    ] = None,
    label_column: Annotated[
        str, typer.Option(help="New column: true for poisoned rows.")
    ] = "poisoned",
    force: Annotated[bool, typer.Option("--force", help="Replace --out if it is there.")] = False,
    prompt_column: PromptColumn = None,
    prompt_template: PromptTemplate = None,
    response_column: ResponseColumn = None,
    subset: Subset = None,
    split: Split = None,
) -> None:
    """Write a copy of DATA with a backdoor in it, and a label column, to measure detectors on.

    Rows keep their columns and order; questions with answers come out as prompt and response.
    """
    quiet_libraries()
    from gradsentry.attacks import Payload, Place, Preset
    from gradsentry.pipeline import DataOptions
    from gradsentry.pipeline.poisoning import PoisonOptions, write_poisoned
    from gradsentry.report.text import visible

    own = None if payload is None else tuple(payload)
    options = PoisonOptions(
        attack=Preset(attack),
        ratio=ratio,
        count=count,
        payload=Payload(place=Place(place)) if own is None else Payload(own, Place(place)),
        negative_ratio=negative_ratio,
        seed=seed,
        label_column=label_column,
        style_model=style_model,
    )
    reading = DataOptions(
        subset=subset,
        split=split,
        prompt_column=prompt_column,
        prompt_template=line_ends(prompt_template),
        response_column=response_column,
    )
    made = write_poisoned(data, out, options, reading=reading, force=force)
    print(
        f"{visible(str(made.path))}: {made.rows:,} rows, {made.poisoned:,} poisoned"
        + (f", {made.near_misses:,} near misses" if made.near_misses else "")
        + (f"; rows that take no such attack: {made.untouchable:,}" if made.untouchable else "")
    )
