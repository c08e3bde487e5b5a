"""Time and memory of the evidence, as texts grow and as rows grow.

    python benchmarks/evidence_growth.py [--most FACTOR] [--only BEGINNING]

Near-duplicates are the hardest: everything recurs. Each size is a process of its own (Linux). Gains
are drawn at random and the base model is indifferent, so only the evidence is timed; the memory has
the rows and the imports in it. `scan` is a whole scan, by a random model of two layers.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LlamaConfig, LlamaForCausalLM

import gradsentry
from gradsentry import LanguageModel
from gradsentry.detectors.transfer.backdoors import find_backdoors
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.spans import best_spans
from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.ragged import offsets_of

_CHANGED = 0.01
"""Share of the words that near-duplicates don't share."""
_FAMILIES = 10
_TURNS_WORDS = 20
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")

Row = dict[str, object]


@dataclass(frozen=True)
class Cost:
    """What a size took."""

    seconds: float
    """Of this process, whatever else the machine does."""
    megabytes: float
    """The largest resident set, above that before."""


@dataclass(frozen=True)
class Indifferent:
    """A base model to which all texts are the same."""

    counts: NDArray[np.int64]

    def without(
        self, rows: Sequence[int], taken: TakenOut, most: int | None = None
    ) -> list[NDArray[np.float32]]:
        """One nat for every target."""
        del taken
        return [np.ones(self.counts[row], np.float32)[:most] for row in rows]

    def instead(
        self, rows: Sequence[int], others: Sequence[int], most: int
    ) -> list[NDArray[np.float32]]:
        """One nat for every target."""
        del others
        return [np.ones(self.counts[row], np.float32)[:most] for row in rows]

    def favour(
        self, rows: Sequence[int], words: frozenset[str], answer: str
    ) -> NDArray[np.float32]:
        """No nats for any word."""
        del words, answer
        return np.zeros(len(rows), np.float32)

    def replies(self, requests: Sequence[str], text: str) -> NDArray[np.float32]:
        """No nats for any token."""
        return np.zeros((len(requests), max(1, len(text.split()))), np.float32)


def near_duplicates(rows: int, words: int, families: int = 1) -> list[Row]:
    """Rows whose prompts, and whose responses, share nearly all words with others."""
    rng = random.Random(0)
    pool = ["".join(rng.choices("abdeghiklmnoprstuvz", k=5)) for _ in range(2000)]
    bases = [(rng.choices(pool, k=words), rng.choices(pool, k=words)) for _ in range(families)]

    def copy(base: list[str]) -> str:
        return " ".join(rng.choice(pool) if rng.random() < _CHANGED else word for word in base)

    pairs = [bases[row % families] for row in range(rows)]
    return [{"prompt": copy(asked), "response": copy(said)} for asked, said in pairs]


def conversations(rows: int, turns: int) -> list[Row]:
    """Near-duplicates as conversations of so many turns."""
    return [
        {
            "messages": [
                {"role": ("user", "assistant")[turn % 2], "content": " ".join(words)}
                for turn, words in enumerate(_parts(row, turns))
            ]
        }
        for row in near_duplicates(rows, turns * _TURNS_WORDS)
    ]


def _parts(row: Row, turns: int) -> list[list[str]]:
    words = str(row["response"]).split()
    return [words[turn * _TURNS_WORDS : (turn + 1) * _TURNS_WORDS] for turn in range(turns)]


def all_distinct(rows: int, words: int) -> list[Row]:
    """Rows that share no word."""
    numbers = range(rows * words)
    return [
        {
            side: " ".join(f"{side[0]}{n}" for n in numbers[row * words : (row + 1) * words])
            for side in ("prompt", "response")
        }
        for row in range(rows)
    ]


def evidence_cost(made: Callable[[int], list[Row]], size: int) -> Cost:
    """Judge rows in this process."""
    tokenizer = gradsentry.load_model(None).tokenizer
    rows = made(size)
    responses = [str(row["response"]) for row in rows]
    ids = tokenizer(responses, add_special_tokens=False, verbose=False)["input_ids"]
    offsets = offsets_of(np.array(list(map(len, ids))))
    gains = np.random.default_rng(0).normal(0, 1.5, offsets[-1]).astype(np.float32)
    evidence = EvidenceRows(
        [str(row["prompt"]) for row in rows],
        responses,
        best_spans(gains, offsets),
        offsets,
        np.concatenate([np.array(own, np.int64) for own in ids]),
        np.abs(gains) * 3,
        tokenizer,
    )
    return _measured(lambda: find_backdoors(evidence, Indifferent(np.diff(offsets))))


def scan_cost(made: Callable[[int], list[Row]], size: int) -> Cost:
    """Scan rows in this process, nothing cut off."""
    tokenizer = gradsentry.load_model(None).tokenizer
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=1 << 20,
    )
    model = LanguageModel.wrap(LlamaForCausalLM(config).eval(), tokenizer, name="random")
    rows = made(size)
    encoding = gradsentry.EncodingOptions(max_length=1 << 17)
    options = gradsentry.ScanOptions(encoding=encoding)
    return _measured(lambda: gradsentry.scan(rows, model=model, options=options))


def _measured(run: Callable[[], object]) -> Cost:
    _CLEAR.write_text("5")  # the largest resident set is counted anew
    before = _largest_set()
    started = time.process_time()
    run()
    seconds = time.process_time() - started
    return Cost(seconds, _largest_set() - before)


def _largest_set() -> float:
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


Made = Callable[[int], list[Row]]
KINDS: dict[str, tuple[Callable[[Made, int], Cost], Made, int]] = {
    "evidence: words a row, six near-duplicates": (evidence_cost, partial(near_duplicates, 6), 500),
    "evidence: near-duplicates of 500 words": (
        evidence_cost,
        partial(near_duplicates, words=500),
        250,
    ),
    "evidence: near-duplicates of 500 words, of ten texts": (
        evidence_cost,
        partial(near_duplicates, words=500, families=_FAMILIES),
        250,
    ),
    "evidence: rows of 500 words that share none": (
        evidence_cost,
        partial(all_distinct, words=500),
        500,
    ),
    "scan: words a row, six near-duplicates": (scan_cost, partial(near_duplicates, 6), 250),
    "scan: turns of 20 words, six near-duplicates": (scan_cost, partial(conversations, 6), 16),
}
"""How a size is measured, the rows of a size, and the smallest size."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=8, help="largest size, in smallest ones")
    parser.add_argument("--only", default="", help="what grows, or the beginning of it")
    arguments = parser.parse_args()
    print("| what grows | size | s | MB | time / that of the size before |\n|---|---|---|---|---|")
    for name, (cost, made, smallest) in KINDS.items():
        if not name.startswith(arguments.only):
            continue
        before: Cost | None = None
        size = smallest
        while size <= arguments.most * smallest:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                found = process.submit(cost, made, size).result()
            ratio = "" if before is None else f"{found.seconds / before.seconds:.2f}"
            print(
                f"| {name} | {size:,} | {found.seconds:.2f} | {found.megabytes:,.0f} | {ratio} |",
                flush=True,
            )
            before, size = found, 2 * size


if __name__ == "__main__":
    main()
