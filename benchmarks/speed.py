"""What a scan costs, beside the paper's procedure and beside an ordinary forward pass.

    python benchmarks/speed.py compare DATA [NAME ...] [--repeats N] [--rows N] [--reference N]
    python benchmarks/speed.py lengths DATA

DATA is the folder that `mixtures.py` reads. `compare` takes the same rows, in one process and in
turn, through

- `reference`: the paper's procedure, row by row: forward pass, gradient of the head's weight by
  autograd, crop, `svd_lowrank`, entropy (on the first `--reference` rows);
- `plain`: what one would write without us: rows sorted by length, batches of 16, padding with an
  attention mask, logits and softmax at the target positions;
- `spectral` and `transfer`: `gradsentry.scan`, from texts to verdicts.

All begin with texts and tokenise them in the same way; imports and loading the model are excluded
for all. Figures are ratios of times a row, medians over the repeats. `lengths` scans responses of
10 to 1,000 tokens.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from mixtures import RESPONSE, published, task
from torch import nn

import gradsentry
from gradsentry.detectors.spectral import spectral_entropy
from gradsentry.records.example import TextPair

BATCH = 16
NAMES = ("webqa", "coqa", "nq", "coqa-stories", "codealpaca")
_WARM_UP = 32


@dataclass(frozen=True)
class Tokens:
    """A row as all sides see it."""

    prompt: list[int]
    response: list[int]

    @property
    def whole(self) -> list[int]:
        """Prompt and response."""
        return self.prompt + self.response


def tokenized(model: gradsentry.LanguageModel, pairs: Sequence[TextPair]) -> list[Tokens]:
    """Prompts and responses apart, and an end-of-sequence token behind."""
    tokenizer = model.tokenizer
    prompts = tokenizer([pair.prompt for pair in pairs])["input_ids"]
    responses = tokenizer([pair.response for pair in pairs], add_special_tokens=False)["input_ids"]
    return [
        Tokens(prompt, [*response, tokenizer.eos_token_id])
        for prompt, response in zip(prompts, responses, strict=True)
    ]


def plain(model: gradsentry.LanguageModel, pairs: Sequence[TextPair]) -> None:
    """Losses of all rows, from texts."""
    plain_forward(model, tokenized(model, pairs))


@torch.inference_mode()
def plain_forward(model: gradsentry.LanguageModel, rows: Sequence[Tokens]) -> None:
    """Losses of all rows by an ordinary padded forward pass."""
    rows = sorted(rows, key=lambda row: len(row.whole))
    weight = model.head.weight.to(model.dtype)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        longest = max(len(row.whole) for row in batch)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        attention = torch.zeros_like(ids)
        is_target = torch.zeros_like(ids, dtype=torch.bool)
        for index, row in enumerate(batch):
            length = len(row.whole)
            ids[index, :length] = torch.tensor(row.whole)
            attention[index, :length] = 1
            is_target[index, len(row.prompt) : length] = True
        ids, attention, is_target = (part.to(model.device) for part in (ids, attention, is_target))
        hidden = model.body(input_ids=ids, attention_mask=attention, use_cache=False)
        states = hidden.last_hidden_state[:, :-1][is_target[:, 1:]]
        logits = nn.functional.linear(states, weight).float()
        logits.log_softmax(-1).gather(-1, ids[is_target].unsqueeze(-1))


def reference(model: gradsentry.LanguageModel, pairs: Sequence[TextPair]) -> None:
    """Scores by the paper's procedure."""
    weight = model.head.weight.to(model.dtype).clone().requires_grad_()
    crop = tuple(slice(0, size // 8) for size in weight.shape)
    for row in tokenized(model, pairs):
        ids = torch.tensor([row.whole], device=model.device)
        with torch.no_grad():
            hidden = model.body(input_ids=ids, use_cache=False).last_hidden_state
        logits = nn.functional.linear(hidden, weight)[0, :-1].float()
        labels = ids[0, 1:].clone()
        labels[: len(row.prompt) - 1] = -100  # but logits of all positions, as the paper's code
        loss = nn.functional.cross_entropy(logits, labels)
        (gradient,) = torch.autograd.grad(loss, weight)
        _, values, _ = torch.svd_lowrank(gradient[crop].float(), q=16)
        spectral_entropy(values, 16)


def scan(detector: str) -> Callable[[gradsentry.LanguageModel, Sequence[TextPair]], None]:
    """A side that scans."""

    def run(model: gradsentry.LanguageModel, pairs: Sequence[TextPair]) -> None:
        rows = [{"prompt": pair.prompt, "response": pair.response} for pair in pairs]
        options = gradsentry.ScanOptions(detector=gradsentry.make_detector(detector))
        gradsentry.scan(rows, model=model, options=options)

    return run


SIDES: Mapping[str, Callable[[gradsentry.LanguageModel, Sequence[TextPair]], None]] = {
    "reference": reference,
    "plain": plain,
    "spectral": scan("spectral"),
    "transfer": scan("transfer"),
}


def pairs_of(data: Path, name: str) -> list[TextPair]:
    """The rows of a comparison: `webqa` is the published poisoned mixture, the others are clean."""
    if name == "webqa":
        mixture = published(data / "poisoned" / "webqa-badnets-10.jsonl.gz")
        pairs = [pair for pair in mixture.pairs if isinstance(pair, TextPair)]
    elif name == "coqa-stories":
        pairs = _stories(data)
    else:
        clean = task(data, name)
        pairs = [clean.pair(row) for row in clean.rows]
    return [pair for pair in pairs if pair.prompt and pair.response]


def _stories(data: Path, stories: int = 60, questions: int = 15) -> list[TextPair]:
    """Stories with many questions each. The sample has one a story: others' come with it."""
    clean = task(data, "coqa")
    draw = random.Random(0)
    return [
        clean.pair({**clean.rows[story], "question": other["question"], RESPONSE: other[RESPONSE]})
        for story in range(stories)
        for other in draw.sample(clean.rows, questions)
    ]


def matrix_rate(dtype: torch.dtype, device: torch.device, size: int = 2048) -> float:
    """FLOP a second of a product of square matrices."""
    matrix = torch.randn(size, size, device=device).to(dtype)
    times = []
    for _ in range(10):
        wait(device)
        started = time.perf_counter()
        matrix @ matrix
        wait(device)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / statistics.median(times)


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def arithmetic(model: gradsentry.LanguageModel, rows: Sequence[Tokens]) -> float:
    """FLOP of the weights' products, were every row computed by itself."""
    body = sum(
        module.weight.numel() for module in model.body.modules() if isinstance(module, nn.Linear)
    )
    tokens, targets = sum(len(row.whole) for row in rows), sum(len(row.response) for row in rows)
    return 2.0 * (tokens * body + targets * model.head.weight.numel())


def peak_megabytes(start: bool = False) -> float:
    """Peak resident memory since the last call with `start` (Linux)."""
    if start:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def compare(
    model: gradsentry.LanguageModel, name: str, pairs: Sequence[TextPair], of: Plan
) -> None:
    """Print the sides' figures on the same rows."""
    counts = {side: len(pairs) for side in SIDES} | {"reference": min(len(pairs), of.reference)}
    # The reference takes its rows from all over the data.
    spread = list(pairs[:: max(1, len(pairs) // counts["reference"])])[: counts["reference"]]
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    peaks = dict.fromkeys(SIDES, 0.0)
    for _ in range(of.repeats):
        for side, run in SIDES.items():
            peak_megabytes(start=True)
            started = time.perf_counter()
            run(model, spread if side == "reference" else pairs)
            seconds[side].append((time.perf_counter() - started) / counts[side])
            peaks[side] = max(peaks[side], peak_megabytes())
    rows = tokenized(model, pairs)
    tokens = sum(len(row.whole) for row in rows) / len(rows)
    work, rate = arithmetic(model, rows) / len(rows), matrix_rate(model.dtype, model.device)
    print(
        f"\n{name}: {len(pairs):,} rows, {tokens:.0f} tokens a row, "
        f"{sum(len(row.response) for row in rows) / len(rows):.0f} of them targets; {model.name}, "
        f"{model.dtype}, {torch.get_num_threads()} threads, {rate / 1e12:.2f} TFLOP/s, "
        f"{of.repeats} repeats"
    )
    print("| | ms a row | rows/s | tokens/s | of matrix rate | times reference | of plain | MB |")
    print("|---|---|---|---|---|---|---|---|")
    for side in SIDES:
        taken = statistics.median(seconds[side])
        faster, share = (
            statistics.median(a / b for a, b in zip(seconds[x], seconds[y], strict=True))
            for x, y in (("reference", side), (side, "plain"))
        )
        print(
            f"| {side} | {1000 * taken:.2f} | {1 / taken:.1f} | {tokens / taken:,.0f} | "
            f"{work / taken / rate:.0%} | {faster:.1f} | {share:.2f} | {peaks[side]:,.0f} |",
            flush=True,
        )


def lengths(model: gradsentry.LanguageModel, pairs: Sequence[TextPair], rows: int = 64) -> None:
    """Print times a target of responses of given lengths, cut from long answers strung together."""
    stream = [token for row in tokenized(model, pairs) for token in row.response[:-1]]
    print("| tokens a response | spectral: ms a row | of plain | transfer: ms a row | of plain |")
    print("|---|---|---|---|---|")
    for length in (10, 30, 100, 300, 1000):
        starts = range(0, rows * length, length)
        texts = [str(model.tokenizer.decode(stream[start : start + length])) for start in starts]
        some = [TextPair(pair.prompt, text) for pair, text in zip(pairs, texts, strict=False)]
        taken = {}
        for side in ("plain", "spectral", "transfer"):
            started = time.perf_counter()
            SIDES[side](model, some)
            taken[side] = 1000 * (time.perf_counter() - started) / len(some)
        cells = (
            f"{taken[side]:.1f} | {taken[side] / taken['plain']:.2f}"
            for side in ("spectral", "transfer")
        )
        print(f"| {length} | {' | '.join(cells)} |", flush=True)


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    repeats: int
    rows: int | None
    reference: int


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["compare", "lengths"])
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--reference", type=int, default=200)
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")

    model = gradsentry.load_model(None)
    warm = pairs_of(arguments.data, "webqa")[:_WARM_UP]
    for run in SIDES.values():  # the first pass through a model is slower
        run(model, warm)
    if arguments.what == "lengths":
        lengths(model, pairs_of(arguments.data, "codealpaca"))
    else:
        plan = Plan(arguments.repeats, arguments.rows, arguments.reference)
        for name in arguments.names or NAMES:
            compare(model, name, pairs_of(arguments.data, name)[: plan.rows], plan)


if __name__ == "__main__":
    main()
