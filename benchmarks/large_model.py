"""A randomly initialised model of Llama-2-7B's shape on a GPU: what a row of WebQuestions costs.

    python benchmarks/large_model.py DATA [--device cuda] [--layers N] [--rows N]
        [--batch-tokens N ...] [--tokenizer FOLDER] [--vocabulary N]

Times depend on shapes alone, so weights are random, and tokens are those of the default model's
tokenizer modulo the vocabulary. For each number of tokens a batch: milliseconds a row of
`spectral` from encoded rows to scores, beside those of an ordinary padded forward pass (see
`speed.py`), and the share of the card's measured rate of bfloat16 matrix products that the
weights' products over computed tokens make up. Medians of three runs after one to warm up. With a
vocabulary that holds the tokenizer's (49,152), also of whole scans, from texts to verdicts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from speed import Tokens, matrix_rate, pairs_of, plain_forward, scan, wait
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

import gradsentry
from gradsentry.detectors.spectral import spectral_scores
from gradsentry.encoding import EncodedRow, EncodedStore, EncodedWriter, Encoder, EncodingOptions
from gradsentry.models import Batching, BatchPlan, ForwardPass, plan_batches
from gradsentry.models.batches import shared_lengths
from gradsentry.models.default_model import default_model_folder
from gradsentry.records import TextPair


def random_model(layers: int, vocabulary: int, device: torch.device) -> gradsentry.LanguageModel:
    """Llama-2-7B's shape, except for the vocabulary, in bfloat16."""
    torch.set_default_dtype(torch.bfloat16)
    torch.manual_seed(0)
    with device:
        model = LlamaForCausalLM(LlamaConfig(num_hidden_layers=layers, vocab_size=vocabulary))
    torch.set_default_dtype(torch.float32)
    return gradsentry.LanguageModel.wrap(
        model,
        None,  # type: ignore[arg-type]  # tokens come from another model's
        name="random Llama-2-7B",
        revision="random",
    )


def encoded_rows(
    pairs: Sequence[TextPair], tokenizer: PreTrainedTokenizerBase, vocabulary: int
) -> list[EncodedRow]:
    """Rows as token ids of a vocabulary of any size."""
    found = []
    for row in Encoder(tokenizer, EncodingOptions()).encode(pairs):
        assert isinstance(row, EncodedRow)
        found.append(EncodedRow(row.token_ids % vocabulary, row.target_mask, False, False))
    return found


def stored(rows: Sequence[EncodedRow], folder: Path) -> EncodedStore:
    """Rows as a scan has them."""
    with EncodedWriter(folder) as writer:
        for row in rows:
            writer.append(row)
        return writer.finish()


def computed_tokens(store: EncodedStore, plan: BatchPlan) -> int:
    """Tokens that go through the model's body."""
    batches = map(plan.batch, range(len(plan)))
    return sum(
        int(store.lengths[batch].sum() - shared_lengths(store, batch).sum()) for batch in batches
    )


def seconds(run: Callable[[], None], device: torch.device, repeats: int = 3) -> float:
    """The median time of some runs, after one to warm up."""
    taken = []
    for _ in range(repeats + 1):
        wait(device)
        started = time.perf_counter()
        run()
        wait(device)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--batch-tokens", type=int, nargs="+", default=[16384])
    parser.add_argument("--tokenizer", type=Path, default=None, help="of the default model")
    parser.add_argument("--vocabulary", type=int, default=32000)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    tokenizer = AutoTokenizer.from_pretrained(arguments.tokenizer or default_model_folder(print))

    model = random_model(arguments.layers, arguments.vocabulary, device)
    pairs = pairs_of(arguments.data, "webqa")[: arguments.rows]
    rows = encoded_rows(pairs, tokenizer, model.head.vocab_size)
    weights = sum(p.numel() for name, p in model.body.named_parameters() if "embed" not in name)
    rate = matrix_rate(torch.bfloat16, device, size=8192 if device.type == "cuda" else 2048)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    print(
        f"{card}, {rate / 1e12:.1f} TFLOP/s; torch {torch.__version__}; {len(rows):,} rows, "
        f"prefixes shared: {model.shares_prefixes}"
    )
    print("| | tokens a batch | tokens a row computed | ms a row | of matrix rate | MB |")
    print("|---|---|---|---|---|---|")

    def show(side: str, batch: int | str, tokens: float, run: Callable[[], None]) -> None:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        taken = seconds(run, device) / len(rows)
        peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
        print(
            f"| {side} | {batch} | {tokens:.1f} | {1000 * taken:.2f} | "
            f"{2 * weights * tokens / taken / rate:.0%} | {peak / 1e6:,.0f} |",
            flush=True,
        )

    own = [
        Tokens(row.token_ids[~row.target_mask].tolist(), row.token_ids[row.target_mask].tolist())
        for row in rows
    ]
    mean = float(np.mean([len(row.token_ids) for row in rows]))
    show("plain", "16 rows", mean, lambda: plain_forward(model, own))
    with tempfile.TemporaryDirectory() as folder:
        store = stored(rows, Path(folder))
        for batch_tokens in arguments.batch_tokens:
            plan = plan_batches(store, Batching(batch_tokens, model.shares_prefixes))

            def run(plan: BatchPlan = plan) -> None:
                forward = ForwardPass(model)
                for number in range(len(plan)):
                    spectral_scores(forward.of(store.read(plan.batch(number))), model.head)

            tokens = computed_tokens(store, plan) / len(rows)
            show("spectral", f"{batch_tokens:,}", tokens, run)
    if model.head.vocab_size >= len(tokenizer):
        reader = replace(model, tokenizer=tokenizer)
        for name in ("spectral", "transfer"):
            side = scan(name)
            show(f"scan, {name}", "default", tokens, partial(side, reader, pairs))


if __name__ == "__main__":
    main()
