"""Time and memory of scans of more and more rows.

    python benchmarks/growth.py DATA [--rows N ...] [--detector NAME ...]

DATA is the folder that `mixtures.py` reads. The rows are the questions of WebQA and FreebaseQA in
an order drawn by chance, and again with a number before them where there aren't enough: 10,000 and
more have near-copies. Each scan reads a file in a process of its own (Linux). Imports and loading
the model are in the memory and not in the time.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path

from mixtures import task

import gradsentry

ROWS = (1_000, 3_000, 10_000, 30_000)
DETECTORS = ("spectral", "transfer")


@dataclass(frozen=True)
class Cost:
    """What a scan took."""

    seconds: float
    megabytes: float
    """The largest resident set of its process."""


def rows_of(data: Path, number: int) -> list[dict[str, str]]:
    """So many rows."""
    tasks = [task(data, name) for name in ("webqa", "freebaseqa")]
    every = [(one, row) for one in tasks for row in one.rows]
    random.Random(0).shuffle(every)

    def numbered() -> Iterator[dict[str, str]]:
        for turn in count():
            for one, row in every:
                question = row["question"] if turn == 0 else f"{turn}: {row['question']}"
                pair = one.pair({**row, "question": question})
                yield {"prompt": pair.prompt, "response": pair.response}

    return list(islice(numbered(), number))


def cost(rows: Path, detector: str) -> Cost:
    """Scan a file in this process."""
    model = gradsentry.load_model(None)
    options = gradsentry.ScanOptions(detector=gradsentry.make_detector(detector))
    started = time.perf_counter()
    gradsentry.scan(rows, model=model, options=options)
    seconds = time.perf_counter() - started
    return Cost(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--detector", nargs="+", choices=DETECTORS, default=DETECTORS)
    arguments = parser.parse_args()
    print("| detector | rows | s | ms a row | MB |\n|---|---|---|---|---|")
    for detector in arguments.detector:
        for number in arguments.rows:
            with (
                tempfile.TemporaryDirectory() as folder,
                ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
            ):
                rows = Path(folder) / "rows.jsonl"
                lines = map(json.dumps, rows_of(arguments.data, number))
                rows.write_text("\n".join(lines), encoding="utf-8")
                found = process.submit(cost, rows, detector).result()
            print(
                f"| {detector} | {number:,} | {found.seconds:.1f} | "
                f"{1000 * found.seconds / number:.2f} | {found.megabytes:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
