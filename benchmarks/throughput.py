"""Scans by both detectors against a plain padded batched forward over the same rows.

All in one process.

    python benchmarks/throughput.py DATA [--repeats N] [--rows N]

DATA has prompts and responses. All sides read tokens from the same text, with the same model in
the same precision; start-up (imports, loading the model) is excluded for all. The plain forward is
what one would write without us: rows sorted by length, batches of 16, padding with an attention
mask, logits and log-softmax at the target positions. They run in turn; the figure is the ratio
of the medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import islice
from pathlib import Path

import torch

import gradsentry
from gradsentry import Detector
from gradsentry.records import detect, open_source
from gradsentry.records.example import TextPair

BATCH = 16


@torch.inference_mode()
def plain_forward(model: gradsentry.LanguageModel, pairs: list[TextPair]) -> None:
    """Losses of all rows by an ordinary padded forward pass."""
    tokenizer = model.tokenizer
    prompts = tokenizer([pair.prompt for pair in pairs])["input_ids"]
    responses = tokenizer([pair.response for pair in pairs], add_special_tokens=False)["input_ids"]
    rows = [
        (prompt, [*response, tokenizer.eos_token_id])
        for prompt, response in zip(prompts, responses, strict=True)
    ]
    rows.sort(key=lambda row: len(row[0]) + len(row[1]))
    weight = model.head.weight.to(model.dtype)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        longest = max(len(prompt) + len(response) for prompt, response in batch)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        attention = torch.zeros_like(ids)
        is_target = torch.zeros_like(ids, dtype=torch.bool)
        for index, (prompt, response) in enumerate(batch):
            length = len(prompt) + len(response)
            ids[index, :length] = torch.tensor(prompt + response)
            attention[index, :length] = 1
            is_target[index, len(prompt) : length] = True
        hidden = model.body(input_ids=ids, attention_mask=attention, use_cache=False)
        states = hidden.last_hidden_state[:, :-1][is_target[:, 1:]]
        logits = torch.nn.functional.linear(states, weight).float()
        logits.log_softmax(-1).gather(-1, ids[is_target].unsqueeze(-1))


def main() -> None:
    """Run both in turn and print the times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--rows", type=int, default=None)
    arguments = parser.parse_args()

    model = gradsentry.load_model(None, gradsentry.ModelOptions())
    records = list(islice(open_source(arguments.data).records(), arguments.rows))
    layout = detect(records[0])
    pairs = [pair for pair in map(layout.example, records) if isinstance(pair, TextPair)]
    rows = [dict(record.fields) for record in records]
    data: object = arguments.data if arguments.rows is None else rows
    plain_forward(model, pairs[:BATCH])  # the first pass through a model is slower

    seconds: dict[str, list[float]] = {"plain": [], **{str(name): [] for name in Detector}}
    for _ in range(arguments.repeats):
        for name, taken in seconds.items():
            started = time.perf_counter()
            if name == "plain":
                plain_forward(model, pairs)
            else:
                options = gradsentry.ScanOptions(detector=Detector(name))
                gradsentry.scan(data, model=model, options=options)
            taken.append(time.perf_counter() - started)
            print(f"{name} {taken[-1]:.1f} s", flush=True)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    print(f"{len(pairs):,} rows, {model.name}, {model.dtype}, {torch.get_num_threads()} threads")
    for name, median in medians.items():
        print(
            f"{name:9} {1000 * median / len(pairs):.1f} ms a row, "
            f"{median / medians['plain']:.2f} of plain, "
            f"{median / medians['spectral']:.2f} of spectral"
        )


if __name__ == "__main__":
    main()
