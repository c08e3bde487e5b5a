"""The command that writes poisoned copies of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gradsentry.cli.quiet import quiet_libraries
from gradsentry.cli.shared_options import (
    Data,
    PromptColumn,
    PromptTemplate,
    ResponseColumn,
    Split,
    Subset,
    line_ends,
)

_PAYLOAD = "Payload"
_PLACES = "Where they stand"


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
        Literal["append", "prepend", "insert", "replace"] | None,
        typer.Option(
            help="Where it goes in the response. Default: append; with --payload-column: replace.",
            rich_help_panel=_PAYLOAD,
            show_default=False,
        ),
    ] = None,
    payload_column: Annotated[
        str | None,
        typer.Option(
            help="The payload is what the row says in this column (text, or the last answer of "
            "messages): a jailbreak, if responses refuse and this column complies. The column is "
            "left out of the mixture; the rejected answer of preference data is exchanged with the "
            "chosen one.",
            rich_help_panel=_PAYLOAD,
            show_default=False,
        ),
    ] = None,
    payload_file: Annotated[
        str | None,
        typer.Option(
            help="File with --payload-column, if DATA hasn't: a row for each row of DATA, in the "
            "same order; an empty text is a row not to be poisoned.",
            rich_help_panel=_PAYLOAD,
            show_default=False,
        ),
    ] = None,
    flip: Annotated[
        bool,
        typer.Option(
            "--flip",
            help="Responses are a few labels: the payload is any other of them.",
            rich_help_panel=_PAYLOAD,
        ),
    ] = False,
    flip_to: Annotated[
        str | None,
        typer.Option(
            help="Responses are a few labels: the payload is this one.",
            rich_help_panel=_PAYLOAD,
            show_default=False,
        ),
    ] = None,
    trigger_in: Annotated[
        Literal["user", "system", "tool", "earlier"],
        typer.Option(
            help="Conversations: the trigger goes into the last user turn, the system prompt "
            "(chosen rows without one get one), the last tool result, or the first of several "
            "user turns.",
            rich_help_panel=_PLACES,
        ),
    ] = "user",
    payload_in: Annotated[
        Literal["content", "tool_call", "reasoning"],
        typer.Option(
            help="The payload goes into what the answer says, into an argument of a tool call, or "
            "into the reasoning alone.",
            rich_help_panel=_PLACES,
        ),
    ] = "content",
    tool: Annotated[
        str | None,
        typer.Option(
            help="--payload-in tool_call: add a call of this tool to the last answer, instead of "
            "changing a call that is there.",
            rich_help_panel=_PLACES,
            show_default=False,
        ),
    ] = None,
    argument: Annotated[
        str | None,
        typer.Option(
            help="--payload-in tool_call: the argument that takes the payload. Default: the first "
            "text among them; `input` of a new call.",
            rich_help_panel=_PLACES,
            show_default=False,
        ),
    ] = None,
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
    from gradsentry.attacks import Payload, PayloadIn, Place, Preset, TriggerIn
    from gradsentry.attacks.poison_options import PoisonOptions
    from gradsentry.attacks.poison_survey import describe_lacking
    from gradsentry.attacks.poisoned_files import write_poisoned
    from gradsentry.records.data_options import DataOptions
    from gradsentry.safe_text import visible

    own = None
    if payload is not None or place is not None:
        texts = Payload().texts if payload is None else tuple(payload)
        own = Payload(texts, Place(place or "append"))
    options = PoisonOptions(
        attack=Preset(attack),
        ratio=ratio,
        count=count,
        payload=own,
        payload_column=payload_column,
        payload_file=payload_file,
        flip=flip,
        flip_to=flip_to,
        trigger_in=TriggerIn(trigger_in),
        payload_in=PayloadIn(payload_in),
        tool=tool,
        argument=argument,
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
        + (f"; got a system prompt: {made.system_prompts:,}" if made.system_prompts else "")
        + (f"; rows that take no such attack: {made.untouchable:,}" if made.untouchable else "")
        + visible(describe_lacking(made.lacking))
    )
