"""How far scores move with the precision and with the batch plan: docs/findings/rounding.md.

    python benchmarks/rounding.py DATA [--rows N]

Scores every N-th row so that --rows remain, in float32 and in bfloat16 with three batch sizes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gradsentry
from gradsentry.records import open_source
from gradsentry.thresholds import kde_valley

BATCH_TOKENS = (512, 2048, 8192)


def scores(rows: list[dict[str, object]], dtype: str, tokens: int) -> NDArray[np.float64]:
    """Scores of the rows in one precision with one batch size."""
    options = gradsentry.ScanOptions(
        detector=gradsentry.make_detector("spectral"),
        model=gradsentry.ModelOptions(dtype=gradsentry.Dtype(dtype)),
        batch_tokens=tokens,
    )
    return gradsentry.scan(rows, options=options).scores


def main() -> None:
    """Print the differences, and the verdicts that flip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=500)
    arguments = parser.parse_args()
    records = [dict(record.fields) for record in open_source(arguments.data).records()]
    step = max(1, len(records) // arguments.rows)
    rows = records[::step][: arguments.rows]

    exact = scores(rows, "float32", BATCH_TOKENS[1])
    rounded = {tokens: scores(rows, "bfloat16", tokens) for tokens in BATCH_TOKENS}
    print(f"{len(rows)} rows of {arguments.data.name}")
    for tokens, values in rounded.items():
        moved = np.abs(values - exact)
        print(
            f"bfloat16, {tokens} tokens a batch, against float32: median |ΔH̄| "
            f"{np.median(moved):.5f}, 99% {np.quantile(moved, 0.99):.5f}, max {moved.max():.5f}"
        )
    base = rounded[BATCH_TOKENS[1]]
    threshold = kde_valley(base)
    print(f"threshold {threshold.value:.4f} ({threshold.method})")
    for tokens in (BATCH_TOKENS[0], BATCH_TOKENS[2]):
        moved = np.abs(rounded[tokens] - base)
        flips = threshold.flagged(rounded[tokens]) != threshold.flagged(base)
        distance = np.abs(base - threshold.value)[flips]
        print(
            f"bfloat16, {tokens} against {BATCH_TOKENS[1]} tokens a batch: median "
            f"{np.median(moved):.5f}, max {moved.max():.5f}; {flips.sum()} verdicts flip, "
            f"{distance.max() if flips.any() else 0:.5f} from the threshold at most"
        )


if __name__ == "__main__":
    main()
