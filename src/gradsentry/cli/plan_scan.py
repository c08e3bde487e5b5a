"""The command that says what a scan will take."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gradsentry.cli import scan_flags as flags
from gradsentry.cli.quiet import quiet_libraries
from gradsentry.cli.scan import read_encoding
from gradsentry.cli.shared_options import (
    Data,
    PromptColumn,
    PromptTemplate,
    ResponseColumn,
    Split,
    Subset,
    expand_line_ends,
)
from gradsentry.cli.standard_output import while_read
from gradsentry.safe_text import visible

if TYPE_CHECKING:
    from gradsentry.pipeline.planning import PlannedScan
    from gradsentry.work.data_look import Estimate

_MACHINE = "The machine"

GpuKind = Annotated[
    Literal["cpu", "h200", "h100", "a100", "l40s"],
    typer.Option(
        "--gpu",
        help="What the scan will run on. cpu: this machine's processor, which multiplies matrices "
        "for two seconds.",
        rich_help_panel=_MACHINE,
    ),
]
Gpus = Annotated[
    int | None,
    typer.Option(
        min=1, help="How many of them. Default: 1.", rich_help_panel=_MACHINE, show_default=False
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that have the model loaded. Default: one for each GPU, else one.",
        rich_help_panel=_MACHINE,
        show_default=False,
    ),
]
Format = Annotated[
    Literal["text", "json"],
    typer.Option("--format", help="What is printed; JSON has bytes, hours and their bases."),
]


def plan(
    data: Data,
    model: flags.Model = None,
    gpu: GpuKind = "cpu",
    gpus: Gpus = None,
    workers: Workers = None,
    format_: Format = "text",
    prompt_column: PromptColumn = None,
    prompt_template: PromptTemplate = None,
    response_column: ResponseColumn = None,
    subset: Subset = None,
    split: Split = None,
    max_length: flags.MaxLength = 1024,
    boundary: flags.Boundary = "separate",
    targets: flags.Targets = "response",
    long_text: flags.LongText = "cut",
    chat_template: flags.ChatTemplate = None,
    revision: flags.Revision = None,
) -> None:
    """Say what a scan of DATA will take: hours, memory and disk.

    Looks at all rows of small data and at a sample of large data. Of the model it reads the
    configuration, the tokenizer and the headers of the weights, not the weights.
    """
    quiet_libraries()
    from gradsentry.pipeline.planning import Gpu, PlanOptions
    from gradsentry.pipeline.planning import plan as make_plan
    from gradsentry.records.data_options import DataOptions

    options = PlanOptions(
        data=DataOptions(
            subset=subset,
            split=split,
            prompt_column=prompt_column,
            prompt_template=expand_line_ends(prompt_template),
            response_column=response_column,
        ),
        encoding=read_encoding(max_length, boundary, targets, long_text, chat_template),
        revision=revision,
        gpu=Gpu(gpu),
        gpus=gpus,
        workers=workers,
    )
    planned = make_plan(data, model, options, _announce)
    with while_read():
        if format_ == "json":
            print(json.dumps(_finite(asdict(planned)), indent=2))
        else:
            _show(planned)


def _finite(value: object) -> object:
    """Values as JSON has them: without an upper end of an interval there is none."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isinf(value) else value


def _announce(line: str) -> None:
    print(visible(line), file=sys.stderr)


def _show(planned: PlannedScan) -> None:
    """Print a table: what, how much, and on what that rests."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from gradsentry.report.terminal import Piped

    table = Table(box=box.SIMPLE)
    for name, justify in (("", "left"), ("", "right"), ("rests on", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # Rich's literals
    for section in (_data_lines, _time_lines, _memory_lines, _disk_lines):
        for what, figure, basis in section(planned):
            table.add_row(Text(visible(what)), Text(figure), Text(visible(basis), style="dim"))
        table.add_section()
    console = Piped(highlight=False)
    console.print(table)
    for sentences in (
        ("Measured: ", planned.measured),
        ("Extrapolated: ", planned.extrapolated),
    ):
        console.print(Text(sentences[0] + " ".join(map(visible, sentences[1]))), soft_wrap=True)


Line = tuple[str, str, str]


def _data_lines(planned: PlannedScan) -> Iterator[Line]:
    look = planned.look
    exact = look.rows.is_exact and look.tokens.is_exact
    sample = f"{look.sampled_rows:,} rows: {look.drawn}"
    yield "rows", _range(look.rows), planned.layout
    yield "tokens", _range(look.tokens), sample
    yield "rows cut off", _range(look.cut_rows), sample
    if look.skipped_rows:
        yield "rows skipped", f"{look.skipped_rows:,.0f}", sample
    within = "all rows" if exact else "in the sample; in all rows at most that"
    yield "rows that are distinct", f"{look.distinct:.1%}", within
    yield "tokens saved by shared beginnings", f"{1 - look.computed:.1%}", "of distinct rows"
    yield "tokens that are computed", _range(planned.plan.computed_tokens), "the product of these"


def _time_lines(planned: PlannedScan) -> Iterator[Line]:
    hours, size, machine = planned.plan.hours, planned.size, planned.machine
    of_all = planned.plan.hours_of_all
    rate = f"{machine.rate / 1e12:,.2f} TFLOP/s × {machine.share:.0%} × {machine.busy}"
    yield "hours", _hours(of_all.value), _between(of_all)
    who = f"{machine.workers} worker{'s' if machine.workers > 1 else ''}"
    yield "  texts", _hours(hours.texts), f"tokenised as the sample here, and judged; {who}"
    yield "  model", _hours(hours.body), f"tokens × 2 × {size.body / 1e6:,.0f} M weights / {rate}"
    head = f"targets × 2 × {size.hidden:,} × {size.vocabulary:,} / the same"
    yield "  output head", _hours(hours.head), head
    yield "  corrections", _hours(hours.fitting), "up to 200,000 targets, on one device"
    yield "  evidence", _hours(hours.evidence), "up to 20,000 rows or 5 M tokens, on the driver"
    yield "  driver", _hours(hours.driver), "starting, and 0.15 ms a row on one processor"


def _memory_lines(planned: PlannedScan) -> Iterator[Line]:
    memory, size, machine = planned.plan.memory, planned.size, planned.machine
    weights = f"weights {_bytes(size.weights * size.bytes_a_weight)}, a batch of "
    batch = f"{machine.batch_tokens:,} tokens"
    if machine.device_memory is None:
        yield "memory of a worker", _bytes(memory.worker), weights + batch
    else:
        card = f"{machine.name} has {_bytes(machine.device_memory)}"
        fits = card if memory.fits else f"DOESN'T FIT: {card}"
        yield "memory of a worker's GPU", _bytes(memory.worker), f"{weights}{batch}; {fits}"
        yield "memory of a worker", _bytes(memory.worker_host), "libraries, weights while loading"
    yield "memory of the driver", _bytes(memory.driver), "libraries, model, rows, evidence"


def _disk_lines(planned: PlannedScan) -> Iterator[Line]:
    disk = planned.plan.disk
    yield "disk, at the most", _bytes(disk.work_folder), "the hidden folder beside --out"
    yield "  token ids and masks", _bytes(disk.token_ids), "5 bytes a token"
    yield "  examples", _bytes(disk.examples), "as the sample"
    yield "  tables", _bytes(disk.tables), "12 bytes a target"
    yield "  shards", _bytes(disk.shards), "as many, and hidden states of 200,000 targets"
    yield "  results, which stay", _bytes(disk.results), "the data once more, unpacked, and scores"


def _range(estimate: Estimate) -> str:
    """A number, with the interval if it was estimated."""
    if estimate.is_exact:
        return f"{estimate.value:,.0f}"
    return f"{estimate.value:,.0f} ({estimate.low:,.0f} to {estimate.high:,.0f})"


def _between(hours: Estimate) -> str:
    """The interval of a time."""
    machine = "if the machine does nothing else"
    return machine if hours.is_exact else f"{_hours(hours.low)} to {_hours(hours.high)}, {machine}"


def _hours(hours: float) -> str:
    """A time, short ones in their own units."""
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{hours * 60:.1f} min" if hours >= 1 / 60 else f"{hours * 3600:.1f} s"


def _bytes(count: float) -> str:
    """A number of bytes with three digits."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= size:
            return f"{count / size:,.3g} {unit}"
    return f"{count / 1e3:,.3g} kB"
