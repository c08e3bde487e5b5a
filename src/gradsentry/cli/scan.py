"""The command that scans data: options in, an exit code out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
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
from gradsentry.errors import InputError
from gradsentry.report.text import visible

EXIT_POISON = 1
EPILOG = (
    "Exit codes: 0 done; 1 rows were flagged or could not be judged, only with --check or "
    "--check-review; 2 bad usage, data or model; 3 internal error; 130 interrupted (with --out, "
    "the same command goes on from there)."
)


def scan(
    data: Data,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Hub id, local folder, GGUF file or PEFT adapter folder of the causal language "
            "model to score with: best the one you will tune. Default: SmolLM2-135M-Instruct, "
            "fetched once.",
            rich_help_panel="Scoring",
            show_default=False,
        ),
    ] = None,
    detector: Annotated[
        Literal[
            "transfer",
            "spectral",
            "graceful",
            "spectral-signatures",
            "activation-clustering",
            "cube",
            "perplexity",
            "onion",
            "length",
            "recurrence",
        ],
        typer.Option(
            help="transfer: what the rest of the data teaches about a row, with payload and "
            "trigger. spectral: the entropy of the singular values of the output head's gradient, "
            "as in the GradSentry paper. The others are published or simple baselines, for "
            "comparison.",
            rich_help_panel="Scoring",
        ),
    ] = "transfer",
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Flag rows with a score above this. Default: the evidence decides (transfer), or "
            "the valley of the scores' density (spectral).",
            rich_help_panel="Scoring",
            show_default=False,
        ),
    ] = None,
    crop: Annotated[
        int,
        typer.Option(
            min=1,
            help="spectral: score the first 1/CROP of the gradient's rows and columns; 1 takes "
            "all.",
            rich_help_panel="Scoring",
        ),
    ] = 8,
    target_module: Annotated[
        str,
        typer.Option(
            help="spectral: the matrix whose gradient is scored, such as last.mlp.down_proj or "
            "middle.self_attn.o_proj; others than lm_head take a backward pass.",
            rich_help_panel="Scoring",
        ),
    ] = "lm_head",
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="transfer: draws the two halves of the data and the order of steps. "
            "activation-clustering: where clusters start.",
            rich_help_panel="Scoring",
        ),
    ] = 0,
    fit_tokens: Annotated[
        int,
        typer.Option(
            min=1,
            help="transfer: target tokens to fit on; bounds time, memory and disk.",
            rich_help_panel="Scoring",
        ),
    ] = 200_000,
    expected_ratio: Annotated[
        float,
        typer.Option(
            help="spectral-signatures: the part of the rows that is poisoned.",
            rich_help_panel="Scoring",
        ),
    ] = 0.1,
    sensitivity: Annotated[
        bool,
        typer.Option(
            "--sensitivity",
            help="transfer: where nothing is found, plant backdoors of several kinds in copies of "
            "rows and say how few of them would have been found. Takes minutes.",
            rich_help_panel="Scoring",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for scores.parquet, the clean and the flagged rows, summary.json, "
            "config.yaml and report.html. It appears when all is done; an interrupted scan goes "
            "on when the same command runs again.",
            rich_help_panel="Output",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace the results of an earlier scan in --out. Nothing else is ever replaced.",
            rich_help_panel="Output",
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="For CI: exit with 1 if rows are flagged, were skipped although a trainer may "
            "learn from them, or if no row could have been flagged.",
            rich_help_panel="Output",
        ),
    ] = False,
    check_review: Annotated[
        bool,
        typer.Option(
            "--check-review",
            help="As --check, and exit with 1 also if rows are up for review.",
            rich_help_panel="Output",
        ),
    ] = False,
    prompt_column: PromptColumn = None,
    prompt_template: PromptTemplate = None,
    response_column: ResponseColumn = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            help="Column that is 1 or true for rows known to be poisoned, else 0 or false: adds "
            "recall, precision, F1 and AUROC. The scores don't use it.",
            rich_help_panel="Reading the data",
            show_default=False,
        ),
    ] = None,
    subset: Subset = None,
    split: Split = None,
    max_length: Annotated[
        int,
        typer.Option(
            min=2,
            help="Tokens a row may have; the rest is cut off, as in training.",
            rich_help_panel="As your trainer does it",
        ),
    ] = 1024,
    boundary: Annotated[
        Literal["separate", "joint"],
        typer.Option(
            help="Tokenise prompt and response each by itself (the paper, LLaMA-Factory, Axolotl) "
            "or as one text (TRL).",
            rich_help_panel="As your trainer does it",
        ),
    ] = "separate",
    targets: Annotated[
        Literal["response", "all"],
        typer.Option(
            help="Which tokens are trained on: the response (in conversations: all assistant "
            "turns), or all.",
            rich_help_panel="As your trainer does it",
        ),
    ] = "response",
    long_text: Annotated[
        Literal["cut", "windows"],
        typer.Option(
            help="Documents of a text column that are longer than --max-length: cut them off, or "
            "read them in windows, as a trainer that packs them does.",
            rich_help_panel="As your trainer does it",
        ),
    ] = "cut",
    chat_template: Annotated[
        Path | None,
        typer.Option(
            help="File with a Jinja chat template that replaces the model's own.",
            rich_help_panel="As your trainer does it",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        Literal["auto", "bfloat16", "float16", "float32"],
        typer.Option(
            help="Precision of the model's forward pass. auto: bfloat16 where the device is fast "
            "in it.",
            rich_help_panel="Computing",
        ),
    ] = "auto",
    device: Annotated[
        str,
        typer.Option(
            help="auto, cpu, cuda, cuda:1, ... auto: the GPU if there is one.",
            rich_help_panel="Computing",
        ),
    ] = "auto",
    revision: Annotated[
        str | None,
        typer.Option(
            help="Branch, tag or commit of a model on the Hub.",
            rich_help_panel="Computing",
            show_default=False,
        ),
    ] = None,
    batch_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens computed at once; bounds memory. Default: 4096 on a CPU, else 16384.",
            rich_help_panel="Computing",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Score every row of DATA and flag those that look poisoned.

    Reads the data and a causal language model, never trains, and goes to the network only for a
    Hub id, an adapter's base model or the first use of the default model.
    """
    quiet_libraries()
    # Heavy imports come here, so that --help and usage errors answer at once.
    from gradsentry.detectors import SpectralOptions, TransferOptions
    from gradsentry.encoding import Boundary, EncodingOptions, LongText, Targets
    from gradsentry.models import Dtype, ModelOptions
    from gradsentry.pipeline import BaselineOptions, DataOptions, Detector, ScanOptions
    from gradsentry.pipeline import scan as run_scan
    from gradsentry.report.terminal import print_verdict, showing_progress

    options = ScanOptions(
        data=DataOptions(
            subset=subset,
            split=split,
            prompt_column=prompt_column,
            prompt_template=line_ends(prompt_template),
            response_column=response_column,
            label_column=label_column,
        ),
        encoding=EncodingOptions(
            max_length=max_length,
            boundary=Boundary(boundary),
            targets=Targets(targets),
            long_text=LongText(long_text),
            chat_template=_read_template(chat_template),
        ),
        model=ModelOptions(dtype=Dtype(dtype), device=device, revision=revision),
        detector=Detector(detector),
        transfer=TransferOptions(seed=seed, fit_tokens=fit_tokens, sensitivity=sensitivity),
        spectral=SpectralOptions(crop=crop, target_module=target_module),
        baselines=BaselineOptions(expected_ratio=expected_ratio, seed=seed),
        threshold=threshold,
        batch_tokens=batch_tokens,
    )
    with _interruptible(out), showing_progress() as progress:
        result = run_scan(
            data, model=model, options=options, out=out, force=force, progress=progress
        )
    try:
        print_verdict(result, out)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left, as `head` does. That is no failure of the scan.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    failed = result.flagged.any() or result.unjudged or result.blind
    if ((check or check_review) and failed) or (check_review and result.review.any()):
        raise typer.Exit(EXIT_POISON)


@contextlib.contextmanager
def _interruptible(out: Path | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        way_on = (
            f"Run the same command again to go on from here; until then the scores so far lie in "
            f"a hidden folder beside {visible(str(out))}."
            if out is not None
            else "With --out, an interrupted scan can go on where it stopped."
        )
        print(f"\nInterrupted. There are no results. {way_on}", file=sys.stderr)
        raise


def _read_template(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(
            f"{path}: the chat template can't be read ({reason}).", "Check the path."
        ) from None
