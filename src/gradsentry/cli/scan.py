"""The command that scans data: options in, an exit code out."""

from __future__ import annotations

import contextlib
import json
import reprlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gradsentry.cli import scan_flags as flags
from gradsentry.cli.brief_help import BriefHelpCommand, HelpAll
from gradsentry.cli.exit_codes import EXIT_CHECK
from gradsentry.cli.failing import leave_if_failed, read_deprecated_gate, read_gate
from gradsentry.cli.quiet import quiet_libraries, read_verbosity
from gradsentry.cli.replay import (
    is_given,
    replay_detector_options,
    replay_template,
    tell_differences,
)
from gradsentry.cli.shared_options import (
    AllowFlagged,
    AllowUnjudged,
    Data,
    FailOn,
    PromptColumn,
    PromptTemplate,
    Quiet,
    ResponseColumn,
    Split,
    Subset,
    Verbose,
    expand_line_ends,
)
from gradsentry.cli.standard_output import while_read
from gradsentry.errors import InputError, OptionError
from gradsentry.safe_text import json_text, visible

if TYPE_CHECKING:
    from gradsentry.encoding import EncodingOptions


class ScanCommand(BriefHelpCommand):
    """`scan`, which has more options than a screen has lines."""

    brief = flags.BRIEF


def scan(
    context: typer.Context,
    data: Data,
    _config: flags.Config = None,
    model: flags.Model = None,
    detector: flags.Detector = "transfer",
    threshold: flags.Threshold = None,
    crop: flags.Crop = None,
    target_module: flags.TargetModule = None,
    seed: flags.Seed = None,
    fit_tokens: flags.FitTokens = None,
    expected_ratio: flags.ExpectedRatio = None,
    sensitivity: flags.Sensitivity = False,
    set_: flags.Set = None,
    out: flags.Out = None,
    force: flags.Force = False,
    also: flags.Also = None,
    format_: flags.OutputFormat = "text",
    baseline: flags.Baseline = None,
    fail_on: FailOn = "never",
    allow_flagged: AllowFlagged = None,
    allow_unjudged: AllowUnjudged = None,
    check: flags.Check = False,
    check_review: flags.CheckReview = False,
    prompt_column: PromptColumn = None,
    prompt_template: PromptTemplate = None,
    response_column: ResponseColumn = None,
    label_column: flags.LabelColumn = None,
    subset: Subset = None,
    split: Split = None,
    max_length: flags.MaxLength = 1024,
    boundary: flags.Boundary = "separate",
    targets: flags.Targets = "response",
    long_text: flags.LongText = "cut",
    chat_template: flags.ChatTemplate = None,
    dtype: flags.Dtype = "auto",
    device: flags.Device = "auto",
    quantize: flags.Quantize = "none",
    revision: flags.Revision = None,
    batch_tokens: flags.BatchTokens = None,
    engine: flags.Engine = "local",
    workers: flags.Workers = None,
    address: flags.Address = None,
    gpus: flags.GpusPerWorker = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    _help_all: HelpAll = False,
) -> None:
    """Score every row of DATA and flag those that look poisoned.

    Reads the data and a causal language model, never trains, and goes to the network only for a
    Hub id, a store's URL, an adapter's base model or the first use of the default model.
    """
    quiet_libraries()
    # Heavy imports come here, so that --help and usage errors answer at once.
    from gradsentry.detectors import make_detector
    from gradsentry.models import Dtype, ModelOptions, Quantize
    from gradsentry.outputs.letter_count import share_of_other_letters
    from gradsentry.pipeline import scan as run_scan
    from gradsentry.records.data_options import DataOptions
    from gradsentry.report.terminal import print_verdict, showing_progress
    from gradsentry.scan_options import ScanOptions
    from gradsentry.work.engine_options import EngineKind, EngineOptions

    verbosity = read_verbosity(quiet, verbose)
    old_gate = read_deprecated_gate(check, check_review, fail_on)
    gate = old_gate or read_gate(fail_on, allow_flagged, allow_unjudged)
    by_flag = {
        "crop": crop,
        "target_module": target_module,
        "seed": seed,
        "fit_tokens": fit_tokens,
        "expected_ratio": expected_ratio,
        "sensitivity": sensitivity or None,
    }
    options = ScanOptions(
        data=DataOptions(
            subset=subset,
            split=split,
            prompt_column=prompt_column,
            prompt_template=_expand_given(context, prompt_template),
            response_column=response_column,
            label_column=label_column,
        ),
        encoding=replay_template(
            context, read_encoding(max_length, boundary, targets, long_text, chat_template)
        ),
        model=ModelOptions(
            dtype=Dtype(dtype), device=device, quantize=Quantize(quantize), revision=revision
        ),
        detector=make_detector(
            detector,
            **replay_detector_options(context, detector)
            | _join_options(by_flag, _parse_settings(set_ or [])),
        ),
        threshold=threshold,
        batch_tokens=batch_tokens,
        baseline=baseline,
        engine=EngineOptions(kind=EngineKind(engine), workers=workers, address=address, gpus=gpus),
        also=_formats_of(also, out),
    )
    with _telling_way_on(out), showing_progress(verbosity) as progress:
        report = run_scan(
            data, model=model, options=options, out=out, force=force, progress=progress
        )
    tell_differences(context, report)
    with while_read():
        if format_ == "json":
            print(json_text(report.summary()))
        else:
            letters = None if quiet else share_of_other_letters(report)
            print_verdict(report, out, verbosity, letters)
    leave_if_failed(report, gate, EXIT_CHECK if old_gate is not None else None)


def _expand_given(context: typer.Context, template: str | None) -> str | None:
    """A prompt template; one of --config has its line ends already."""
    return expand_line_ends(template) if is_given(context, "prompt_template") else template


def _formats_of(also: Sequence[str] | None, out: str | None) -> tuple[str, ...]:
    """The names in --also, which may be given several times and hold commas.

    **Raises:**

    `OptionError` if there is no folder to write them into.
    """
    names = [name.strip() for given in also or () for name in given.split(",")]
    if names and out is None:
        raise OptionError(
            "`also` names files of a results folder, and there is none.", "Name one with `out`."
        )
    return tuple(dict.fromkeys(names))


def _join_options(
    by_flag: Mapping[str, object], settings: Mapping[str, object]
) -> dict[str, object]:
    """The detector's options from flags (None where one wasn't given) and from --set.

    **Raises:**

    `OptionError` if both give the same one: neither is the obvious winner.
    """
    given = {option: value for option, value in by_flag.items() if value is not None}
    for option in settings:
        if option in given:
            raise OptionError(
                f"`{option}` and --set {option} give the same option.", "Leave one of them out."
            )
    return {**given, **settings}


def _parse_settings(settings: Sequence[str]) -> dict[str, object]:
    """The settings of --set by name, with values as JSON has them; what is no JSON is text."""
    found: dict[str, object] = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not (name and sign):
            raise OptionError(f"--set can't be {reprlib.repr(setting)}.", "Write NAME=VALUE.")
        option = name.replace("-", "_")
        if option in found:
            raise OptionError(f"--set names {option} twice.", "Give it once.")
        try:
            found[option] = json.loads(value)
        except ValueError:
            found[option] = value
    return found


@contextlib.contextmanager
def _telling_way_on(out: str | None) -> Iterator[None]:
    """If the scan is interrupted, print how to go on with it."""
    try:
        yield
    except KeyboardInterrupt:
        from gradsentry.records.object_store import is_url

        place = "your cache folder"
        if not is_url(out):
            place = f"a hidden folder beside {visible(str(out))}"
        way_on = (
            "Run the same command again to go on from here; until then the scores so far lie in "
            f"{place}."
            if out is not None
            else "With --out, an interrupted scan can go on where it stopped."
        )
        print(f"\nInterrupted. There are no results. {way_on}", file=sys.stderr)
        raise


def read_encoding(
    max_length: int, boundary: str, targets: str, long_text: str, chat_template: Path | None
) -> EncodingOptions:
    """How rows are encoded, from the flags of that.

    **Raises:**

    `InputError` if the chat template can't be read.
    """
    from gradsentry.encoding import Boundary, EncodingOptions, LongText, Targets

    return EncodingOptions(
        max_length=max_length,
        boundary=Boundary(boundary),
        targets=Targets(targets),
        long_text=LongText(long_text),
        chat_template=_read_template(chat_template),
    )


def _read_template(path: Path | None) -> str | None:
    """The chat template in a file.

    **Raises:**

    `InputError` if it can't be read.
    """
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(
            f"{path}: the chat template can't be read ({reason}).", "Check the path."
        ) from None
