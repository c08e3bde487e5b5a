"""A scan's plan from what the user names: data, a model and a machine. No weights are read."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Ge

from gradsentry._option_checks import check_options
from gradsentry._turns import taking_turns
from gradsentry.encoding import Encoder, EncodingOptions
from gradsentry.errors import OptionError
from gradsentry.faults import telling_faults
from gradsentry.models import Batching, Dtype, check_reference, resolve_dtype
from gradsentry.models.matrix_rate import measure_matrix_rate
from gradsentry.models.outline import ModelOutline, outline_model
from gradsentry.pipeline.scan_plan import Machine, ModelSize, ScanPlan, plan_scan
from gradsentry.pipeline.scanning import BATCH_TOKENS, BATCH_TOKENS_ACCELERATOR
from gradsentry.records.data_options import DataOptions
from gradsentry.records.open_data import open_data
from gradsentry.records.row_sample import take_sample
from gradsentry.work.data_look import DataLook, look_at_rows

CPU_PASSES, CPU_PASSES_HIDDEN = 2.16e-12, 576
"""Seconds of one processor for each operation of the products, at that hidden size, that a scan
takes besides them: norms, gates, positions and attention are passes over memory, and no faster
where products are. It is what makes the share 30% at 2.16 TFLOP/s on two cores (WebQA with
`spectral`, docs/findings/speed.md)."""
GPU_SHARE = 0.40
"""Of the rate of 8,192 × 8,192 products that a scan makes on an H200 (docs/findings/speed.md)."""


class Gpu(StrEnum):
    """What a scan may run on."""

    CPU = "cpu"
    """This machine's processor, whose rate is measured."""
    H200 = "h200"
    H100 = "h100"
    A100 = "a100"
    L40S = "l40s"


@dataclass(frozen=True)
class Card:
    """A GPU."""

    rate: float
    """Operations a second of large products in bfloat16."""
    memory: float
    """Bytes."""
    measured: bool
    """Whether scans were measured on it."""


_SMALL_BODY = 2_000_000_000
"""Weights; products of smaller models don't fill a GPU."""

_H200_RATE, _H200_SHEET = 750e12, 989e12
"""Measured (docs/findings/speed.md), and as the maker's data sheet has it, without sparsity."""


def _extrapolated(sheet: float, memory: float) -> Card:
    """A card that reaches as much of its data sheet as an H200 does."""
    return Card(sheet * _H200_RATE / _H200_SHEET, memory, measured=False)


CARDS = {
    Gpu.H200: Card(_H200_RATE, 141e9, measured=True),
    Gpu.H100: _extrapolated(989e12, 80e9),
    Gpu.A100: _extrapolated(312e12, 80e9),
    Gpu.L40S: _extrapolated(362e12, 48e9),
}


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What a plan is for."""

    data: DataOptions = field(default_factory=DataOptions)
    encoding: EncodingOptions = field(default_factory=EncodingOptions)
    revision: str | None = None
    """Branch, tag or commit of a model on the Hub."""
    gpu: Gpu = Gpu.CPU
    gpus: Annotated[int, Ge(1)] | None = None
    """None takes one."""
    workers: Annotated[int, Ge(1)] | None = None
    """None takes one for each GPU, and one on a processor."""

    def __post_init__(self) -> None:
        check_options(self)
        if self.gpu is Gpu.CPU and self.gpus is not None:
            raise OptionError(
                "`gpus` are counted, and it isn't said which.",
                "Name the card with `gpu`: " + ", ".join(gpu for gpu in CARDS) + ".",
            )


@dataclass(frozen=True)
class PlannedScan:
    """A plan with what it is made from."""

    layout: str
    model: str
    look: DataLook
    size: ModelSize
    machine: Machine
    plan: ScanPlan
    measured: tuple[str, ...]
    """What was measured, in sentences."""
    extrapolated: tuple[str, ...]
    """What wasn't."""


@taking_turns
def plan(
    data: object,
    model: str | Path | None = None,
    options: PlanOptions = PlanOptions(),
    announce: Callable[[str], None] = lambda _: None,
) -> PlannedScan:
    """Plan a scan with the detector `transfer`; arguments as `scan` takes them.

    **Raises:**

    `GradSentryError` for everything that the caller can mend: data, model, options.
    """
    with telling_faults():
        check_reference(model, options.revision)
        source, layout, _ = open_data(data, options.data)
        outline = outline_model(model, options.revision, announce)
        machine, bytes_a_weight = _machine(options, outline.hidden)
        batching = Batching(machine.batch_tokens, outline.shares_prefixes)
        length = min(options.encoding.max_length, outline.max_positions or sys.maxsize)
        encoder = Encoder(outline.tokenizer, replace(options.encoding, max_length=length))
        with tempfile.TemporaryDirectory(prefix="gradsentry-plan-") as folder:
            look = look_at_rows(take_sample(source), layout, encoder, batching, Path(folder))
        size = ModelSize(
            weights=outline.weights,
            body=outline.body,
            hidden=outline.hidden,
            intermediate=outline.intermediate,
            vocabulary=outline.vocabulary,
            bytes_a_weight=bytes_a_weight,
        )
        return PlannedScan(
            layout=layout.name,
            model=outline.name,
            look=look,
            size=size,
            machine=machine,
            plan=plan_scan(look, size, machine),
            measured=tuple(_measured(options, look)),
            extrapolated=tuple(_extrapolations(options, look, outline)),
        )


def cpu_share(rate: float, threads: int, hidden: int) -> float:
    """The share of a processor's rate of products that a scan makes.

    Passes over memory grow with the hidden size, products with its square.

    **Arguments:**

    - `rate`: operations a second, of so many `threads`.
    """
    passes = CPU_PASSES * CPU_PASSES_HIDDEN / hidden / threads
    return 1.0 / (1.0 + rate * passes)


def _machine(options: PlanOptions, hidden: int) -> tuple[Machine, int]:
    """The machine, and how many bytes a weight takes on it."""
    if options.gpu is Gpu.CPU:
        dtype = resolve_dtype(Dtype.AUTO, torch.device("cpu"))
        rate, threads = measure_matrix_rate(dtype), torch.get_num_threads()
        machine = Machine(
            name=f"this machine's processor ({threads} threads)",
            rate=rate,
            share=cpu_share(rate, threads, hidden),
            devices=1,
            workers=options.workers or 1,
            batch_tokens=BATCH_TOKENS["cpu"],
            device_memory=None,
        )
        return machine, dtype.itemsize
    card, gpus = CARDS[options.gpu], options.gpus or 1
    machine = Machine(
        name=options.gpu.upper(),
        rate=card.rate,
        share=GPU_SHARE,
        devices=gpus,
        workers=options.workers or gpus,
        batch_tokens=BATCH_TOKENS_ACCELERATOR,
        device_memory=card.memory,
    )
    return machine, torch.bfloat16.itemsize


def _measured(options: PlanOptions, look: DataLook) -> Iterator[str]:
    yield f"{look.sampled_rows:,} rows were encoded here ({look.drawn})."
    if options.gpu is Gpu.CPU:
        yield (
            "The processor's rate of products was measured here just now, and the share of it that "
            "scans make on another machine's two cores."
        )
    elif CARDS[options.gpu].measured:
        yield "Rate and share were measured on one H200 with a model of 7 billion weights."


def _extrapolations(options: PlanOptions, look: DataLook, outline: ModelOutline) -> Iterator[str]:
    if not look.rows.is_exact or not look.tokens.is_exact:
        yield "Rows that weren't looked at are taken to be like those that were."
        yield "Copies and shared beginnings are those of the sample; all rows have more of them."
    if options.gpu is not Gpu.CPU:
        if not CARDS[options.gpu].measured:
            yield (
                f"{options.gpu.upper()} is extrapolated from the H200's share of its data sheet."
            )
        if outline.body < _SMALL_BODY:
            yield "The share is that of 7 billion weights; so small a model reaches less of it."
        if (options.gpus or 1) > 1:
            yield "Several cards were not measured; each is taken to be as fast as one alone."
    yield "What the driver does was measured on a processor of one kind, on thousands of rows."
    if outline.shares_prefixes:
        yield "Whether shared beginnings are computed once is known when the model is loaded."
