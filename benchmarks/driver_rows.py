"""What the process that is started does for each row, besides the stages that workers run.

    python benchmarks/driver_rows.py [--rows N]

Random rows of 60 tokens and 20 words are written into a store, ordered and cut into batches, drawn
into folds by their prompts' words, and read for a stage and back. Seconds are those of the
processor; memory is what the peak of the process grows by, without pages of files, which the system
drops when it needs them (Linux).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from gradsentry.detectors.transfer.folds import assign_folds, content_draws, hashed_words
from gradsentry.encoding import EncodedRow, EncodedWriter
from gradsentry.models import Batching, plan_batches
from gradsentry.records import Record, TextPair, prompt_and_response
from gradsentry.records.example_json import dump_example, load_example

_TOKENS, _WORDS, _KINDS = 60, 20, 50_000
_SECONDS_BETWEEN = 0.01


class Peak:
    """The most memory of the process's own that was seen since it was asked last, in bytes."""

    def __init__(self) -> None:
        self._most = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self._most = max(self._most, own_memory())
            time.sleep(_SECONDS_BETWEEN)

    def take(self) -> int:
        """Ask, and begin anew."""
        most, self._most = max(self._most, own_memory()), 0
        return most


def own_memory() -> int:
    """Bytes of the process that aren't pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    random = np.random.default_rng(0)
    last, peak, before = time.process_time(), Peak(), own_memory()

    def tell(what: str) -> None:
        nonlocal last, before
        now = time.process_time()
        print(
            f"| {what} | {(now - last) / rows * 1e3:.3f} | {(peak.take() - before) / rows:,.0f} |",
            flush=True,
        )
        last, before = time.process_time(), own_memory()

    mask = np.arange(_TOKENS) >= _TOKENS // 2
    print("| what | ms a row | bytes a row |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, EncodedWriter(Path(folder)) as writer:
        for row in range(rows):
            words = " ".join(map(str, random.integers(0, _KINDS, _WORDS)))
            ids = random.integers(0, _KINDS, _TOKENS).astype(np.int32)
            record = Record(row, {"prompt": words, "response": words}, "data")
            json.loads(json.dumps(record.fields))
            assert record.digest
            example = dump_example(TextPair(words, words))
            writer.append(EncodedRow(ids, mask, False, False), b"", example)
        store = writer.finish()
        tell("making, digesting and writing rows")
        plan = plan_batches(store, Batching(16384, shares_prefixes=True))
        tell("ordering them, and cutting them into batches")
        prompts = (
            prompt_and_response(load_example(example))[0] for example in store.examples(plan.rows)
        )
        hashes = hashed_words(prompts, Path(folder) / "words")
        assign_folds(hashes, content_draws(store.digests[plan.rows], 0))
        tell("folds by the words of prompts")
        for batch in range(len(plan)):
            store.read(plan.batch(batch))
        tell("reading batches")


if __name__ == "__main__":
    main()
