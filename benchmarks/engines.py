"""The same scan on every engine: whether its results are the same bytes, and what memory it takes.

    python benchmarks/engines.py DATA MODEL [--rows N ...] [--engine NAME ...]

DATA is a JSONL file, MODEL a small model's folder. Of each number of rows, the first lines of DATA
are scanned in one process (`local`), in two of this machine (`processes2`), on one, two and four
Ray actors (`ray1`, `ray2`, `ray4`), and in one that is killed at two random moments and then
started again (`killed`). Memory is the peak of any one process in MB: all of it, and in brackets
that of its own, which pages of files are no part of (Linux).
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from process_tree import Peak, Watched, kill

COMPARED = ("scores.parquet", "clean.jsonl", "flagged.jsonl")
WORKERS = {"worker": r"spawn_main|ray::_Actor"}
ENGINES = {
    "local": [],
    "processes2": ["--workers", "2"],
    "ray1": ["--engine", "ray", "--workers", "1"],
    "ray2": ["--engine", "ray", "--workers", "2"],
    "ray4": ["--engine", "ray", "--workers", "4"],
    "killed": [],
}


def scan_command(data: Path, model: str, out: Path, *more: str) -> list[str]:
    """The command line of a scan."""
    here = [sys.executable, "-m", "gradsentry", "scan"]
    return [*here, str(data), "--model", model, "--out", str(out), *more]


def digest_of(out: Path) -> str:
    """A digest of the files of a results folder that are compared."""
    content = b"".join(hashlib.sha256((out / name).read_bytes()).digest() for name in COMPARED)
    return hashlib.sha256(content).hexdigest()[:12]


def run_killed(command: list[str], log: Path, seconds: float) -> None:
    """Run a scan twice, killed at random moments of what it takes when nobody kills it."""
    for _ in range(2):
        scan = Watched(command, {}, log)
        scan.wait(random.uniform(0, seconds))
        kill(scan.process.pid)
        scan.wait()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("model")
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000, 100_000])
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--log", type=Path, default=Path("engines.log"), help="what scans say")
    arguments = parser.parse_args()
    took: dict[int, float] = {}
    print("| rows | engine | s | driver, MB | worker, MB | results |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:  # paths are among the results
        data, out = Path(folder) / "rows.jsonl", Path(folder) / "out"
        for rows in arguments.rows:
            with arguments.data.open("rb") as lines, data.open("wb") as file:
                file.writelines(islice(lines, rows))
            for engine in arguments.engine:
                command = scan_command(data, arguments.model, out, *ENGINES[engine])
                if engine == "killed":
                    run_killed(command, arguments.log, took.get(rows, 60.0))
                started = time.monotonic()
                scan = Watched(command, WORKERS, arguments.log)
                if scan.wait():
                    sys.exit(f"{engine}: the scan failed; see {arguments.log}")
                seconds = time.monotonic() - started
                took.setdefault(rows, seconds)
                peaks = (scan.peaks.get(kind, Peak()) for kind in ("driver", "worker"))
                memory = [f"{peak.resident / 1e6:,.0f} ({peak.own / 1e6:,.0f})" for peak in peaks]
                print(
                    f"| {rows:,} | {engine} | {seconds:,.0f} | {memory[0]} | {memory[1]} | "
                    f"{digest_of(out)} |",
                    flush=True,
                )
                shutil.rmtree(out)


if __name__ == "__main__":
    main()
