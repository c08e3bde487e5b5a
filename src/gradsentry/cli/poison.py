"""The command that writes poisoned copies of data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradsentry.cli import poison_flags as flags
from gradsentry.cli.quiet import quiet_libraries
from gradsentry.cli.shared_options import (
    Data,
    PromptColumn,
    PromptTemplate,
    ResponseColumn,
    Split,
    Subset,
    expand_line_ends,
)
from gradsentry.safe_text import visible

if TYPE_CHECKING:
    from gradsentry.attacks import Payload
    from gradsentry.attacks.poisoned_files import PoisonedData


def poison(
    data: Data,
    out: flags.Out,
    attack: flags.Attack = "badnets",
    ratio: flags.Ratio = 0.1,
    count: flags.Count = None,
    seed: flags.Seed = 0,
    payload: flags.Payload = None,
    place: flags.Place = None,
    payload_column: flags.PayloadColumn = None,
    payload_file: flags.PayloadFile = None,
    flip: flags.Flip = False,
    flip_to: flags.FlipTo = None,
    trigger_in: flags.TriggerIn = "user",
    payload_in: flags.PayloadIn = "content",
    tool: flags.Tool = None,
    argument: flags.Argument = None,
    negative_ratio: flags.NegativeRatio = None,
    style_model: flags.StyleModel = None,
    label_column: flags.LabelColumn = "poisoned",
    force: flags.Force = False,
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
    # Heavy imports come here, so that --help and usage errors answer at once.
    from gradsentry.attacks import PayloadIn, Preset, TriggerIn
    from gradsentry.attacks.poison_options import PoisonOptions
    from gradsentry.attacks.poisoned_files import write_poisoned
    from gradsentry.records.data_options import DataOptions

    options = PoisonOptions(
        attack=Preset(attack),
        ratio=ratio,
        count=count,
        payload=_make_payload(payload, place),
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
        prompt_template=expand_line_ends(prompt_template),
        response_column=response_column,
    )
    _print_counts(write_poisoned(data, out, options, reading=reading, force=force))


def _make_payload(texts: Sequence[str] | None, place: flags.Place) -> Payload | None:
    """The payload of --payload and --place; None if neither is given."""
    from gradsentry.attacks import Payload, Place

    if texts is None and place is None:
        return None
    return Payload(Payload().texts if texts is None else tuple(texts), Place(place or "append"))


def _print_counts(made: PoisonedData) -> None:
    """Print how many rows were written, and which of them are poisoned or can't be."""
    from gradsentry.attacks.poison_survey import describe_lacking

    print(
        f"{visible(str(made.path))}: {made.rows:,} rows, {made.poisoned:,} poisoned"
        + (f", {made.near_misses:,} near misses" if made.near_misses else "")
        + (f"; got a system prompt: {made.system_prompts:,}" if made.system_prompts else "")
        + (f"; rows that take no such attack: {made.untouchable:,}" if made.untouchable else "")
        + visible(describe_lacking(made.lacking))
    )
