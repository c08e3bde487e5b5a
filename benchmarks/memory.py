"""Peak memory of a scan of 1,000 rows and of 10,000 rows, each in a process of its own.

    python benchmarks/memory.py [DETECTOR]

The rows are those of examples/facts, numbered so that all differ.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

FACTS = Path(__file__).parent.parent / "examples" / "facts" / "poisoned.jsonl"


def peak_megabytes(rows: int, detector: str) -> float:
    """Maximum resident set size of `gradsentry scan` on so many rows."""
    lines = [json.loads(line) for line in FACTS.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.jsonl"
        with data.open("w", encoding="utf-8") as file:
            for number, row in enumerate(islice(cycle(lines), rows)):
                file.write(json.dumps({**row, "prompt": f"{number}. {row['prompt']}"}) + "\n")
        command = [sys.executable, "-m", "gradsentry", "scan", str(data), "-o", f"{folder}/out"]
        command += ["--detector", detector]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
    return usage.ru_maxrss / 1024


def main() -> None:
    """Print both peaks and their ratio."""
    detector = sys.argv[1] if len(sys.argv) > 1 else "transfer"
    small = peak_megabytes(1_000, detector)
    print(f" 1,000 rows: {small:,.0f} MB", flush=True)
    large = peak_megabytes(10_000, detector)
    print(f"10,000 rows: {large:,.0f} MB, {large / small:.3f} times as much")


if __name__ == "__main__":
    main()
