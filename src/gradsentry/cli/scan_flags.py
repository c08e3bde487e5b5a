"""What the command `scan` takes, one name for each option and its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gradsentry.cli.replay import replay_config
from gradsentry.registry import DETECTORS

BRIEF = (
    *("data", "_config", "model", "threshold", "out", "force", "fail_on", "prompt_column"),
    *("response_column", "max_length", "boundary", "targets", "quiet", "verbose", "_help_all"),
)
"""The parameters that --help shows; --help-all shows all."""

_DETECTORS = ", ".join(DETECTORS.own)
_GATE = "Failing a build"

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=replay_config,
        is_eager=True,
        metavar="FILE",
        help="Scan with the options in the config.yaml of an earlier scan. What is given besides "
        "counts instead of what stands there. DATA and --model must be given; where the scan ran "
        "(--engine and its options) and where its results went isn't repeated.",
        rich_help_panel="Reading the data",
        show_default=False,
    ),
]

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Model to score with, best the one you will tune. A causal language model: a Hub id, "
        "a local folder, a GGUF file or a PEFT adapter folder. Default: SmolLM2-135M-Instruct, "
        "fetched once.",
        rich_help_panel="Scoring",
        show_default=False,
    ),
]
Detector = Annotated[
    str,
    typer.Option(
        help="transfer: how much the rest of the data teaches about a row; it names payload and "
        "trigger. spectral: the entropy of the singular values of the output head's gradient, as "
        "in the GradSentry paper. The others are baselines, or come with installed packages. "
        f"Names: {_DETECTORS}.",
        rich_help_panel="Scoring",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="SCORE",
        min=0,
        max=1,
        help="Flag rows with a score above this. Default: the detector's own rule, such as the "
        "evidence (transfer) or the valley of the scores' density (spectral).",
        rich_help_panel="Scoring",
        show_default=False,
    ),
]
Crop = Annotated[
    int | None,
    typer.Option(
        show_default=False,
        min=1,
        help="spectral: score the first 1/CROP of the gradient's rows and columns; 1 takes all.",
        rich_help_panel="Scoring",
    ),
]
TargetModule = Annotated[
    str | None,
    typer.Option(
        show_default=False,
        help="spectral: the matrix whose gradient is scored, such as last.mlp.down_proj or "
        "middle.self_attn.o_proj; all but lm_head take a backward pass.",
        rich_help_panel="Scoring",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        show_default=False,
        min=0,
        help="transfer: decides how the data is halved, and the order of steps. "
        "activation-clustering: decides where clusters start.",
        rich_help_panel="Scoring",
    ),
]
FitTokens = Annotated[
    int | None,
    typer.Option(
        show_default=False,
        min=1,
        help="transfer: target tokens to fit on; bounds time, memory and disk.",
        rich_help_panel="Scoring",
    ),
]
ExpectedRatio = Annotated[
    float | None,
    typer.Option(
        show_default=False,
        help="spectral-signatures: the part of the rows that is expected to be poisoned.",
        rich_help_panel="Scoring",
    ),
]
Sensitivity = Annotated[
    bool,
    typer.Option(
        "--sensitivity",
        help="transfer: if nothing is found, plant backdoors of several kinds in copies of rows, "
        "and say how few poisoned rows would have been found. Takes minutes.",
        rich_help_panel="Scoring",
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="Folder for the results, or s3://bucket/name. It gets scores.parquet, the clean and "
        "the flagged rows, summary.json, config.yaml and report.html, and appears when the scan is "
        "done; to go on with an interrupted scan, run the same command again.",
        rich_help_panel="Output",
        show_default=False,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace the results of an earlier scan in --out. Nothing else is ever replaced.",
        rich_help_panel="Output",
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option(
        "--also",
        metavar="NAME,...",
        help="More files for --out: sarif, junit, cyclonedx, spdx, croissant, what installed "
        "packages add, or all of them.",
        rich_help_panel="Output",
        show_default=False,
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        help="File with what people cleared, as `gradsentry apply --baseline` writes it: the same "
        "rows in the same pattern are known and accepted; new rows of it are for review.",
        rich_help_panel="Output",
        show_default=False,
    ),
]
OutputFormat = Annotated[
    Literal["text", "json"],
    typer.Option(
        "--format",
        help="What is printed: the verdict in words, or the summary as JSON and nothing else.",
        rich_help_panel="Output",
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Deprecated. Take --fail-on unjudged, which has exit codes of its own; this exits "
        "with 1.",
        rich_help_panel=_GATE,
    ),
]
CheckReview = Annotated[
    bool,
    typer.Option(
        "--check-review",
        help="Deprecated. Take --fail-on review, which has exit codes of its own; this exits with "
        "1.",
        rich_help_panel=_GATE,
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        help="Column that is 1 or true for rows known to be poisoned, else 0 or false: reports "
        "recall, precision, F1 and AUROC. The scores don't use it.",
        rich_help_panel="Reading the data",
        show_default=False,
    ),
]
MaxLength = Annotated[
    int,
    typer.Option(
        metavar="TOKENS",
        min=2,
        help="Tokens a row may have. The rest is cut off, as in training.",
        rich_help_panel="As your trainer does it",
    ),
]
Boundary = Annotated[
    Literal["separate", "joint"],
    typer.Option(
        help="Tokenise prompt and response apart, or as one text. The paper, LLaMA-Factory and "
        "Axolotl take each by itself, TRL both as one.",
        rich_help_panel="As your trainer does it",
    ),
]
Targets = Annotated[
    Literal["response", "all"],
    typer.Option(
        help="Which tokens are trained on. The response (in conversations: all assistant turns), "
        "or all.",
        rich_help_panel="As your trainer does it",
    ),
]
LongText = Annotated[
    Literal["cut", "windows"],
    typer.Option(
        help="Documents of a text column that are longer than --max-length: cut them off, or "
        "read them in windows, as a trainer that packs them does.",
        rich_help_panel="As your trainer does it",
    ),
]
ChatTemplate = Annotated[
    Path | None,
    typer.Option(
        help="File with a Jinja chat template that replaces the model's own.",
        rich_help_panel="As your trainer does it",
        show_default=False,
    ),
]
Dtype = Annotated[
    Literal["auto", "bfloat16", "float16", "float32", "float64"],
    typer.Option(
        help="Precision of the model's forward pass. auto: bfloat16 where the device is fast "
        "in it.",
        rich_help_panel="Computing",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda, cuda:1, ... or split. auto: the GPU if there is one. split: the "
        "model's layers over all GPUs, for models that don't fit on one; needs gradsentry[split].",
        rich_help_panel="Computing",
    ),
]
Quantize = Annotated[
    Literal["none", "8bit", "4bit"],
    typer.Option(
        help="Keep the weights of the model's body in 8 or 4 bits, for models that don't fit "
        "otherwise; scores move. Needs gradsentry[quantized].",
        rich_help_panel="Computing",
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(
        help="Branch, tag or commit of a model on the Hub.",
        rich_help_panel="Computing",
        show_default=False,
    ),
]
BatchTokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Tokens computed at once; bounds memory. Default: 4096 on a CPU, else 16384.",
        rich_help_panel="Computing",
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any option of the detector, such as singular_values=8; for several, give it again.",
        rich_help_panel="Scoring",
        show_default=False,
    ),
]
Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(
        help="Where it runs: this machine, with one process for each GPU, or actors of a Ray "
        "cluster. That changes no score.",
        rich_help_panel="Computing",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that have the model loaded. Default: one for each GPU, else one.",
        rich_help_panel="Computing",
        show_default=False,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="ray: of the cluster, such as auto or ray://head:10001. Default: one is started on "
        "this machine.",
        rich_help_panel="Computing",
        show_default=False,
    ),
]
GpusPerWorker = Annotated[
    float | None,
    typer.Option(
        "--gpus",
        min=0,
        help="ray: GPUs of each worker. Default: 1 if the cluster has any.",
        rich_help_panel="Computing",
        show_default=False,
    ),
]
