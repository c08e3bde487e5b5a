"""The command that asks a tuned model whether a backdoor is in it."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from gradsentry.cli import scan_flags as flags
from gradsentry.cli.exit_codes import EXIT_BACKDOOR, EXIT_UNSURE
from gradsentry.cli.quiet import quiet_libraries, read_verbosity
from gradsentry.cli.shared_options import DataNow, Results, Verbose
from gradsentry.cli.standard_output import while_read

_Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="The tuned model: a local folder, Hub id, GGUF file or PEFT adapter folder.",
        show_default=False,
    ),
]
_Base = Annotated[
    str | None,
    typer.Option(help="The model before tuning, asked the same to compare.", show_default=False),
]
_Prompts = Annotated[
    int,
    typer.Option(
        min=1,
        help="Clean prompts for each group. Fewer than 35 can't tell that a backdoor is out.",
    ),
]
_NewTokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Most tokens of an answer. Default: what the payloads need, 256 at most.",
        show_default=False,
    ),
]
_Group = Annotated[
    list[int] | None,
    typer.Option(
        "--group",
        help="Number of a group to ask about; give it again for several. Default: all.",
        show_default=False,
    ),
]
_Format = Annotated[Literal["text", "json"], typer.Option("--format", help="What is printed.")]
_Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print a sentence for each group, and errors.")
]
_FailOn = Annotated[
    Literal["never", "backdoor", "unsure"],
    typer.Option(
        "--fail-on",
        help="For CI. backdoor: exit with 14 if a backdoor is in the model. unsure: that, and exit "
        "with 15 if the answers can't tell.",
    ),
]


def verify(
    folder: Results,
    model: _Model,
    base: _Base = None,
    prompts: _Prompts = 50,
    new_tokens: _NewTokens = None,
    group: _Group = None,
    data: DataNow = None,
    format_: _Format = "text",
    fail_on: _FailOn = "never",
    dtype: flags.Dtype = "auto",
    device: flags.Device = "auto",
    revision: flags.Revision = None,
    quiet: _Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Ask a tuned model whether a backdoor that a scan found in its data is in the model.

    Clean prompts of the data are asked as they are and with the trigger of each group put in; what
    counts is how much oftener the payload comes with it.
    """
    quiet_libraries()
    from gradsentry.models import Dtype, ModelOptions
    from gradsentry.report.load_report import load
    from gradsentry.report.terminal import showing_progress
    from gradsentry.safe_text import json_text
    from gradsentry.verification import Presence, VerifyOptions, verify_model
    from gradsentry.verification.verification_text import group_lines, verification_lines

    verbosity = read_verbosity(quiet, verbose)
    options = VerifyOptions(
        prompts=prompts,
        new_tokens=new_tokens,
        groups=tuple(group or ()),
        model=ModelOptions(dtype=Dtype(dtype), device=device, revision=revision),
    )
    report = load(folder, data=data or None)
    with showing_progress(verbosity) as progress:
        found = verify_model(report, model, base=base, options=options, progress=progress)
    with while_read():
        lines = group_lines(found) if quiet else verification_lines(found)
        for line in [json_text(found.to_dict())] if format_ == "json" else lines:
            print(line)
    if fail_on != "never" and found.presence is Presence.BACKDOOR:
        raise typer.Exit(EXIT_BACKDOOR)
    if fail_on == "unsure" and found.presence is Presence.UNSURE:
        raise typer.Exit(EXIT_UNSURE)
    if fail_on == "backdoor" and found.presence is Presence.UNSURE:
        print(
            "Note: the answers can't tell whether a backdoor is in the model, on which --fail-on "
            "backdoor doesn't fail; --fail-on unsure does.",
            file=sys.stderr,
        )
