"""Benchmarks of defences by the models that are tuned behind them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gradsentry.bench.benchmark import Benchmark
from gradsentry.bench.finetune_cells import measuring
from gradsentry.bench.finetune_plan import FinetuneCell, read_finetune_plan
from gradsentry.bench.finetune_tables import markdown, tidy
from gradsentry.bench.results import Result


def _draw(measured: Sequence[tuple[FinetuneCell, Result]], out: Path) -> list[Path]:
    from gradsentry.bench.finetune_plots import write_plots  # matplotlib may not be there

    return write_plots([result for _, result in measured], out)


FINETUNE = Benchmark(
    read=read_finetune_plan, measuring=measuring, row=tidy, markdown=markdown, draw=_draw
)
