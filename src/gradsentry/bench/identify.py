"""Benchmarks of detectors on labelled mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gradsentry.bench.benchmark import Benchmark
from gradsentry.bench.identify_cells import measuring
from gradsentry.bench.identify_plan import IdentifyCell, read_identify_plan
from gradsentry.bench.identify_tables import markdown
from gradsentry.bench.results import Result


def _draw(measured: Sequence[tuple[IdentifyCell, Result]], out: Path) -> list[Path]:
    from gradsentry.bench.identify_plots import write_plots  # matplotlib may not be there

    return write_plots(measured, out)


IDENTIFY = Benchmark(
    read=read_identify_plan, measuring=measuring, row=dict, markdown=markdown, draw=_draw
)
