"""What `gradsentry plan` says of a scan beside what the scan takes, in processor time.

    python benchmarks/scan_plan.py DATA [--rows N] [--model M] [--times N]

The plan is made first, with the processor's rate measured for two seconds. Then the data are
scanned in the same process, in a folder of its own, by one process. Seconds are those of the
process on the processor, of all its threads, since other programs may share the machine. Disk is
the most that the hidden work folder held, looked at twice a second, and memory is the process's
peak. Stages are listed, as the plan counts some together.

With `--times`, nothing is scanned: the plan is made for so many times these rows, of a 7B shape on
64 GPUs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import tempfile
import threading
import time
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import gradsentry
from gradsentry.pipeline.planning import Gpu, PlanOptions, plan
from gradsentry.pipeline.scan_plan import ModelSize, ScanPlan, plan_scan
from gradsentry.work.data_look import Estimate


def processor_seconds() -> float:
    """Of this process and all its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


_IMPORTED = processor_seconds()


class Stages:
    """Processor seconds of every stage of a scan."""

    def __init__(self) -> None:
        self.name, self.since = "Reading the first row", processor_seconds()
        self.seconds: dict[str, float] = {"Importing libraries": _IMPORTED}

    def note(self, line: str) -> None:
        """Nothing is shown."""

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:  # noqa: ARG002
        """A stage begins where the one before ends."""
        now = processor_seconds()
        self.seconds[self.name] = self.seconds.get(self.name, 0.0) + now - self.since
        self.name, self.since = name, now

    def advance(self, done: int) -> None:
        """Rows aren't looked at."""


def folder_bytes(folder: Path) -> int:
    """What the files below a folder hold, as far as they are still there."""
    total = 0
    for name, _, files in os.walk(folder):
        for file in files:
            with contextlib.suppress(OSError):
                total += (Path(name) / file).stat().st_size
    return total


class Watch(threading.Thread):
    """Looks at how much a folder holds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.most, self.done = folder, 0, False

    def run(self) -> None:
        """Until it is done."""
        while not self.done:
            self.most = max(self.most, folder_bytes(self.folder))
            time.sleep(0.5)


def show(what: str, planned: ScanPlan) -> None:
    """Print a plan's figures: processor seconds where one process does all."""
    hours, memory, disk = planned.hours, planned.memory, planned.disk
    parts = {name: f"{value * 3600:.1f} s" for name, value in asdict(hours).items()}
    print(f"{what}: {hours.total * 3600:.1f} s in all, {parts}")
    print(f"{asdict(memory)}, disk {disk.work_folder / 1e6:.1f} MB, {asdict(disk)}")


def extrapolate(data: Path, times: int) -> None:
    """Print the plan of many times some data, of a 7B shape on 64 H200."""
    planned = plan(data, None, PlanOptions(gpu=Gpu.H200, gpus=64))
    numbers: dict[str, Any] = {}
    for field in fields(planned.look):
        value = getattr(planned.look, field.name)
        if isinstance(value, Estimate):
            numbers[field.name] = Estimate.exactly(value.value * times)
        elif field.name not in ("drawn", "sampled_rows", "distinct", "computed"):
            numbers[field.name] = value * times
    llama = ModelSize(
        weights=6_738_000_000,
        body=6_476_000_000,
        hidden=4096,
        intermediate=11008,
        vocabulary=32000,
        bytes_a_weight=2,
    )
    look = replace(planned.look, **numbers)
    print(f"{look.rows.value:,.0f} rows, {look.tokens.value:,.0f} tokens")
    show("planned", plan_scan(look, llama, planned.machine))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=None, help="Of a file of JSON lines.")
    parser.add_argument("--model", default=None)
    parser.add_argument("--times", type=int, default=None)
    arguments = parser.parse_args()
    if arguments.times is not None:
        extrapolate(arguments.data, arguments.times)
        return

    with tempfile.TemporaryDirectory() as name:
        folder, data = Path(name), arguments.data
        if arguments.rows is not None:
            lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
            data = folder / data.name
            data.write_text("".join(lines[: arguments.rows]), encoding="utf-8")
        show("planned", plan(data, arguments.model).plan)
        stages, watch = Stages(), Watch(folder / "out")
        (folder / "out").mkdir()
        watch.start()
        report = gradsentry.scan(
            data, model=arguments.model, out=folder / "out" / "results", progress=stages
        )
        stages.stage("End", None)
        watch.done = True
        watch.join()
        results = folder_bytes(folder / "out" / "results")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for stage, seconds in stages.seconds.items():
        print(f"{seconds:8.1f} s  {stage}")
    print(f"wall {report.seconds:.1f} s, disk {watch.most / 1e6:.1f} MB, peak {peak / 1e6:,.0f} MB")
    print(f"results {results / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
