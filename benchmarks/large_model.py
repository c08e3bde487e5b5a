"""A randomly initialised model of Llama-2-7B's shape on a GPU: what a row of WebQuestions costs.

    python benchmarks/large_model.py DATA [--device cuda] [--layers N] [--rows N] [--batch-tokens N]

Times depend on shapes alone, so weights are random, and tokens are those of the default model's
tokenizer modulo the vocabulary. Prints milliseconds a row, and the share of the card's measured
rate of bfloat16 matrix products that the weights' products over computed tokens make up.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from mixtures import published
from speed import matrix_rate, wait
from transformers import LlamaConfig, LlamaForCausalLM

import gradsentry
from gradsentry.detectors.spectral import spectral_scores
from gradsentry.encoding import EncodedRow, EncodedStore, EncodedWriter, Encoder, EncodingOptions
from gradsentry.models import Batching, ForwardPass, plan_batches
from gradsentry.models.batches import shared_lengths


def random_model(layers: int, device: torch.device) -> gradsentry.LanguageModel:
    """Llama-2-7B's shape, in bfloat16."""
    torch.set_default_dtype(torch.bfloat16)
    torch.manual_seed(0)
    with device:
        model = LlamaForCausalLM(LlamaConfig(num_hidden_layers=layers))
    torch.set_default_dtype(torch.float32)
    return gradsentry.LanguageModel.wrap(
        model,
        None,  # type: ignore[arg-type]  # tokens come from another model's
        name="random Llama-2-7B",
        revision="random",
    )


def stored(data: Path, rows: int | None, vocabulary: int, folder: Path) -> EncodedStore:
    """The rows of WebQA-BadNets-10 as token ids."""
    tokenizer = gradsentry.load_model(None).tokenizer
    pairs = published(data / "poisoned" / "webqa-badnets-10.jsonl.gz").pairs[:rows]
    with EncodedWriter(folder) as writer:
        for row in Encoder(tokenizer, EncodingOptions()).encode(pairs):
            assert isinstance(row, EncodedRow)
            ids = row.token_ids % vocabulary
            writer.append(EncodedRow(ids, row.target_mask, False, False))
        return writer.finish()


def main() -> None:
    """Score the rows three times and print the best."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--batch-tokens", type=int, default=16384)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)

    model = random_model(arguments.layers, device)
    with tempfile.TemporaryDirectory() as folder:
        store = stored(arguments.data, arguments.rows, model.head.vocab_size, Path(folder))
        plan = plan_batches(store, Batching(arguments.batch_tokens, model.shares_prefixes))
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            forward = ForwardPass(model, store)
            for number in range(len(plan)):
                spectral_scores(forward.of(plan.batch(number)), model.head)
            wait(device)
            seconds.append(time.perf_counter() - started)
        computed = int(
            sum(
                store.lengths[batch].sum() - shared_lengths(store, batch).sum()
                for batch in map(plan.batch, range(len(plan)))
            )
        )
    weights = sum(p.numel() for name, p in model.body.named_parameters() if "embed" not in name)
    rate, rows = matrix_rate(torch.bfloat16, device, size=8192), len(plan.rows)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    share = 2.0 * weights * computed / min(seconds) / rate
    print(
        f"{card}: {rows:,} rows, {computed / rows:.1f} of {store.lengths.mean():.1f} tokens a row "
        f"computed, prefixes shared: {model.shares_prefixes}; "
        f"{1000 * min(seconds) / rows:.2f} ms a row, {share:.0%} of "
        f"the measured {rate / 1e12:.0f} TFLOP/s"
    )


if __name__ == "__main__":
    main()
