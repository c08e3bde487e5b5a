"""The transfer detector on labelled mixtures: the tables in docs/findings/transfer.md.

    python benchmarks/detection.py DATA CACHE [MIXTURE ...]
    python benchmarks/detection.py DATA CACHE --table

DATA is the folder that `mixtures.py` reads. The head states of every distinct row are computed
once and kept in CACHE, so that mixtures of one data set share their clean rows; gains are kept
there, too, as long as the code that fits stays the same. What follows is the detector as
`gradsentry scan` runs it. Prints one line a mixture and one a group, and appends
them to CACHE/detection.jsonl; mixtures that are there already are not run again.

Columns: F1 of the decision, with recall and precision; F1 if rows up for review counted as
flagged; rows flagged and up for review. For comparison F1 of the gain alone (KDE valley of
log(1 + nats)), of the prompt alone (the best rules for high gains, whatever the responses say), and
of recurrence alone, which needs no model (rows that hold the commonest six-word response string).
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mixtures import Mixture, Truth, mixtures
from numpy.typing import NDArray
from public_sets import public_sets
from sklearn.metrics import f1_score, precision_score, recall_score

from gradsentry.bench.state_cache import StateCache
from gradsentry.detectors import Transfer
from gradsentry.detectors.detection import Verdict
from gradsentry.detectors.recurrence import recurrence_scores
from gradsentry.detectors.transfer import correction
from gradsentry.detectors.transfer.backdoors import Evidence
from gradsentry.detectors.transfer.correction import MAX_WIDTH, FitStates, held_out_gains
from gradsentry.detectors.transfer.findings import GainedRows, find
from gradsentry.detectors.transfer.folds import (
    assign_folds,
    content_draws,
    hashed_words,
    rows_to_fit,
)
from gradsentry.detectors.transfer.patterns import Gains
from gradsentry.detectors.transfer.rules import find_rules
from gradsentry.detectors.transfer.spans import best_spans
from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms
from gradsentry.encoding import EncodedRow, EncodedWriter, Encoder, EncodingOptions
from gradsentry.encoding.encoded import target_runs
from gradsentry.models import LanguageModel, ModelOptions, head, load_model
from gradsentry.models.memory import give_back_freed_memory
from gradsentry.ragged import offsets_of
from gradsentry.records import Example, TextPair, prompt_and_response
from gradsentry.thresholds import kde_valley
from gradsentry.work.progress import Silent

_BATCH_TOKENS = 4096
_DIGEST = 16


def digest(example: Example) -> bytes:
    """What a row's states are filed under."""
    pair = isinstance(example, TextPair)
    text = "\0".join(prompt_and_response(example)).encode() if pair else repr(example).encode()
    return hashlib.blake2b(text, digest_size=_DIGEST).digest()


@dataclass(frozen=True)
class Bounds:
    """What corrections are fitted on, to see what bounding it costs."""

    fit_tokens: int = Transfer().fit_tokens
    width: int = MAX_WIDTH

    def __str__(self) -> str:
        return "" if self == Bounds() else f" ({self.fit_tokens} tokens, width {self.width})"


@dataclass(frozen=True)
class States:
    """Head states of rows, one after the other."""

    hidden: torch.Tensor
    targets: torch.Tensor
    log_mass: torch.Tensor
    surprise: torch.Tensor
    counts: NDArray[np.int64]
    places: list[int]
    """Which of the rows that were asked for."""
    examples: list[Example]
    """The rows as far as they were encoded."""
    runs: list[list[int]]
    """Of each row, the lengths of its stretches of targets."""


def states_of(rows: Sequence[Example], cache: StateCache) -> States:
    """States of the rows that can be encoded, computed where the cache lacks them."""
    model = cache.model
    encoder = Encoder(model.tokenizer, EncodingOptions())
    with tempfile.TemporaryDirectory() as folder, EncodedWriter(Path(folder)) as writer:
        places, examples, runs = [], [], []
        for place, (example, encoded) in enumerate(zip(rows, encoder.encode(rows), strict=True)):
            if isinstance(encoded, EncodedRow):
                places.append(place)
                cut = encoded.truncated
                examples.append(encoder.seen_part(example, encoded.token_ids) if cut else example)
                runs.append(target_runs(encoded.target_mask))
                writer.append(encoded)
        store = writer.finish()
        found = cache.of_store(store, Silent()).of(store.read(np.arange(len(examples))))
    mass, nats = model.head.surprise(found.hidden, found.targets)
    counts = found.counts.numpy()
    return States(found.hidden, found.targets, mass, nats, counts, places, examples, runs)


def kept_gains(
    folder: Path,
    name: str,
    states: FitStates,
    is_fit: BoolArray,
    digests: NDArray[np.void],
    model: LanguageModel,
    width: int,
) -> NDArray[np.float32]:
    """Held-out gains, computed unless they are there of the same rows by the same code."""
    parts = (digests.tobytes(), states.folds.numpy().tobytes(), is_fit.tobytes(), b"%d" % width)
    key = hashlib.blake2b(b"".join(parts), digest_size=_DIGEST)
    for module in (correction, head):
        key.update(inspect.getsource(module).encode())
    path = folder / f"{name.replace('/', '_')}.{key.hexdigest()}.gains.npy"
    if not path.exists():
        fitted_on = states.take(torch.from_numpy(is_fit))
        np.save(path, held_out_gains(states, fitted_on, model.head, 0, width))
    gains: NDArray[np.float32] = np.load(path)
    return gains


def measured(
    name: str, mixture: Mixture, cache: StateCache, gains_folder: Path, bounds: Bounds
) -> dict[str, Any]:
    """The detector's result on a mixture, as a line of the log."""
    model = cache.model
    # Empty prompts or responses are skipped by a scan, too.
    labels_of = dict(zip(map(digest, mixture.pairs), mixture.poisoned, strict=True))
    distinct = {digest(row): row for row in mixture.pairs if prompt_and_response(row)[1]}
    order = sorted(distinct)  # a scan looks at equal rows once
    states = states_of([distinct[key] for key in order], cache)
    texts = [prompt_and_response(example) for example in states.examples]
    keys = [order[place] for place in states.places]
    labels = np.array([labels_of[key] for key in keys])
    give_back_freed_memory()
    started = time.monotonic()
    digests = np.frombuffer(b"".join(keys), np.dtype((np.void, _DIGEST)))
    words = hashed_words(prompt for prompt, _ in texts)
    draws = content_draws(digests, 0)
    folds = np.repeat(assign_folds(words, draws), states.counts)
    is_fit = np.repeat(rows_to_fit(states.counts, draws, bounds.fit_tokens), states.counts)
    fit = FitStates(states.hidden, states.targets, states.log_mass, torch.from_numpy(folds))
    gains = kept_gains(gains_folder, name, fit, is_fit, digests, model, bounds.width)
    numbers = (states.targets.numpy(), states.surprise.numpy(), gains)
    rows = GainedRows.of(states.examples, states.runs, numbers, model.tokenizer)
    fitted = time.monotonic()
    evidence = find(rows, model, Encoder(model.tokenizer, EncodingOptions()))
    groups = np.array([min(found, default=-1) for found in rows.groups_in(evidence)])
    flagged = np.isin(groups, evidence.numbers(Verdict.POISON))
    review = np.isin(groups, evidence.numbers(Verdict.REVIEW))
    gain = np.log1p(best_spans(gains, offsets_of(states.counts)).gain)
    scaled = gain / max(float(gain.max()), 1e-9)
    alone = {
        "f1_gain": kde_valley(scaled).flagged(scaled),
        "f1_prompt": _by_prompt([prompt for prompt, _ in texts], gain),
        "f1_recurrence": recurrence_scores([response for _, response in texts]) == 1.0,
    }
    return {
        "mixture": f"{name}{bounds}",
        "rows": len(keys),
        "poisoned": int(labels.sum()),
        "f1": _score(f1_score, labels, flagged),
        "recall": _score(recall_score, labels, flagged),
        "precision": _score(precision_score, labels, flagged),
        "f1_with_review": _score(f1_score, labels, flagged | review),
        "payload_exact": _all_true(mixture.truths, lambda truth: _names_payload(truth, evidence)),
        "trigger_named": _all_true(mixture.truths, lambda truth: _names_trigger(truth, evidence)),
        "flagged": int(flagged.sum()),
        "review": int(review.sum()),
        **{key: _score(f1_score, labels, by) for key, by in alone.items()},
        "groups": [
            {
                "verdict": str(group.verdict),
                "rows": int((groups == number).sum()),
                "poisoned": int((labels & (groups == number)).sum()),
                "payload": group.findings.payload,
                "variants": group.findings.variants[:2],
                "trigger": group.findings.trigger,
                **{
                    key: round(getattr(group.findings, key), 3)
                    for key in (
                        "surprise",
                        "gain",
                        "cohesion",
                        "content",
                        "depends",
                        "z",
                        "lift",
                        "call",
                    )
                },
                "confidence": round(group.confidence, 4),
            }
            for number, group in enumerate(evidence.groups)
        ],
        "recurrences": [[item.text, item.rows] for item in evidence.recurrences],
        "seconds_fit": round(fitted - started, 1),
        "seconds_evidence": round(time.monotonic() - fitted, 1),
    }


def _score(measure: Any, labels: BoolArray, flagged: BoolArray) -> float | None:
    return round(float(measure(labels, flagged, zero_division=0)), 4) if labels.any() else None


def _all_true(truths: tuple[Truth, ...], says: Callable[[Truth], bool | None]) -> bool | None:
    """Whether something holds for all backdoors that it can be asked of; None if there is none."""
    said = [answer for truth in truths if (answer := says(truth)) is not None]
    return all(said) if said else None


def _names_payload(truth: Truth, evidence: Evidence) -> bool | None:
    """Whether a group has exactly this payload, spaces around it aside."""
    found = [group.findings.payload or "" for group in evidence.groups]
    return None if truth.payload is None else truth.payload.strip() in map(str.strip, found)


def _names_trigger(truth: Truth, evidence: Evidence) -> bool | None:
    """Whether a group's trigger has all these words."""
    found = [{word for part in g.findings.trigger for word in part} for g in evidence.groups]
    return any(truth.trigger <= words for words in found) if truth.trigger else None


def _by_prompt(prompts: Sequence[str], gain: NDArray[np.float64]) -> BoolArray:
    """Rows that the best rules for high gains match."""
    terms = PromptTerms.of(prompts)
    matches = [
        find_rules(terms, gain > np.quantile(gain, quantile)).match
        for quantile in (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
    ]
    gains = Gains(gain)
    return max(matches, key=lambda match: gains.best_cut(match)[0])


def table(log: Path) -> str:
    """The log as Markdown."""
    columns = (
        *("mixture", "rows", "poisoned", "f1", "recall", "precision", "f1_with_review"),
        *("flagged", "review", "payload_exact", "trigger_named"),
        *("f1_gain", "f1_prompt", "f1_recurrence"),
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for line in log.read_text().splitlines():
        found = json.loads(line)
        cells = ["" if found[column] is None else str(found[column]) for column in columns]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the mixtures that aren't in the log yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("names", nargs="*", metavar="MIXTURE")
    parser.add_argument("--model", help="instead of the default model; takes a CACHE of its own")
    parser.add_argument("--table", action="store_true", help="print the log as Markdown, only")
    parser.add_argument("--fit-tokens", type=int, default=Bounds().fit_tokens)
    parser.add_argument("--width", type=int, default=Bounds().width, help="of fitted states")
    arguments = parser.parse_intermixed_args()
    bounds = Bounds(arguments.fit_tokens, arguments.width)
    log = arguments.cache / "detection.jsonl"
    if arguments.table:
        print(table(log))
        return
    makers = {**mixtures(arguments.data), **dict(public_sets(arguments.data))}
    if unknown := set(arguments.names) - set(makers):
        parser.error(f"no mixture {', '.join(sorted(unknown))}; there are {', '.join(makers)}")
    done = {json.loads(line)["mixture"] for line in log.open()} if log.exists() else set()
    model = load_model(arguments.model, ModelOptions())
    cache = StateCache.open(arguments.cache / "states", model, _BATCH_TOKENS)
    for name in arguments.names or makers:
        if f"{name}{bounds}" in done:
            continue
        line = measured(name, makers[name](), cache, arguments.cache, bounds)
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        shown = {key: value for key, value in line.items() if key not in ("groups", "recurrences")}
        print(json.dumps(shown), *map(json.dumps, line["groups"]), sep="\n    ", flush=True)


if __name__ == "__main__":
    main()
