"""ONION (arXiv 2011.10369): how much one word of the prompt disturbs its perplexity.

The original removes each word w of a prompt whose removal lowers its perplexity p by more than a
threshold. Here a row's score is the largest relative drop, 1 − min_w p(prompt without w) / p, or 0
if no removal lowers it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.detection import Detection
from gradsentry.detectors.detector import Detector
from gradsentry.encoding import EncodedRow, Encoder, EncodingOptions
from gradsentry.models import Batching, LanguageModel, target_nats
from gradsentry.records import (
    Conversation,
    Example,
    PlainText,
    prompt_and_response,
    shared_beginning,
)
from gradsentry.work.batch_results import Portion, compute_shards
from gradsentry.work.engine import Advance, Worker
from gradsentry.work.progress import Progress
from gradsentry.work.scan_work import ScanWork
from gradsentry.work.shards import digest_name

_BATCH_TOKENS = 4096
_PROMPTS_AT_ONCE = 16
"""What an interrupt costs."""


@dataclass(frozen=True, kw_only=True)
class Onion(Detector):
    """Scores a row by the word of its prompt that disturbs it most."""

    name: ClassVar[str] = "onion"

    @property
    def axis(self) -> str:
        return "The largest part of the prompt's perplexity that goes with one of its words"

    def detect(self, work: ScanWork) -> Detection:
        return Detection(work.of_input_rows(onion_scores(work)))


def onion_scores(work: ScanWork) -> NDArray[np.float64]:
    """Scores (planned,) in [0, 1).

    The text around all prompts, a template's, is no row's own and left out.
    """
    prompts = list(map(_asked, work.examples()))
    own = [words for _, words, _ in _apart(prompts, prompts)]
    texts = json.dumps(own).encode()  # which prompts these are, the fingerprint doesn't say
    work.progress.stage("Scoring", len(own))
    portions: list[Portion[list[str]]] = [
        Portion(digest_name(texts, b"%d" % start), len(some), partial(list, some))
        for start in range(0, len(own), _PROMPTS_AT_ONCE)
        if (some := own[start : start + _PROMPTS_AT_ONCE])
    ]
    computed = compute_shards(work, _Drops(work.plan.batching), portions)
    return np.concatenate([shard.part(0, np.float64) for shard in computed])


@dataclass(frozen=True)
class _Drops:
    """The stage that tells how far one word of each prompt disturbs it."""

    batching: Batching

    def __call__(
        self, task: Sequence[str], worker: Worker, advance: Advance
    ) -> list[NDArray[np.float64]]:
        ask = partial(_mean_nats, worker.model, worker.encoder, self.batching)
        drops = np.zeros(len(task))
        for place, own in enumerate(task):
            nats = ask([own, *removals(own)]) if own else np.zeros(1)
            drops[place] = largest_drop(float(nats[0]), nats[1:])
        advance(len(task))
        return [drops]


def without_suspicious_words(
    model: LanguageModel, prompts: Sequence[str], clean: Sequence[str], progress: Progress
) -> list[str]:
    """Prompts without the words that disturb them, as the original asks them of a tuned model.

    The text around all clean prompts, a template's, stays where a prompt has it.

    **Arguments:**

    - `model`: tells perplexities; the original's is GPT-2.
    - `clean`: prompts that show the template. A trigger that is in all prompts would else be taken
        for a part of it.
    """
    encoder = Encoder(model.tokenizer, EncodingOptions())
    batching = Batching(_BATCH_TOKENS, model.shares_prefixes)
    ask = partial(_mean_nats, model, encoder, batching)
    found = []
    progress.stage("Removing suspicious words", len(prompts))
    for before, own, after in _apart(prompts, clean):
        cuts = removals(own)
        if cuts:
            nats = ask([own, *cuts])
            own = without_suspicious(own, float(nats[0]), nats[1:])
        found.append(f"{before}{own}{after}")
        progress.advance(1)
    return found


def _apart(prompts: Sequence[str], shown: Sequence[str]) -> list[tuple[str, str, str]]:
    """Each prompt's own words, and what is before and behind them as in all that are shown."""
    before = shown[0][: shared_beginning(shown)] if shown else ""
    backwards = [prompt[::-1] for prompt in shown]
    behind = backwards[0][: shared_beginning(backwards)] if shown else ""
    found = []
    for prompt in prompts:
        end = len(prompt) - _whole_words(prompt[::-1], behind)
        start = min(_whole_words(prompt, before), end)
        own = prompt[start:end].strip()
        begin = prompt.index(own, start)
        found.append((prompt[:begin], own, prompt[begin + len(own) :]))
    return found


def _whole_words(text: str, beginning: str) -> int:
    """Characters with which a text begins as another does, up to the last space."""
    shared = text[: shared_beginning([text, beginning])]
    return max((space.end() for space in re.finditer(r"\s", shared)), default=0)


def _asked(example: Example) -> str:
    """The prompt; of a conversation, what the user said last."""
    if isinstance(example, Conversation):
        asked = [turn["content"] for turn in example.messages if turn["role"] == "user"]
        return str(asked[-1]) if asked else ""
    return prompt_and_response(example)[0]


def _mean_nats(
    model: LanguageModel, encoder: Encoder, batching: Batching, texts: Sequence[str]
) -> NDArray[np.float64]:
    """Mean nats a token of each text; infinite for texts without a second token. Shape (texts,).

    The end of the text, which training adds, isn't among its tokens.
    """
    rows = encoder.encode([PlainText(text) for text in texts])
    nats = np.full(len(texts), np.inf)
    places = [place for place, row in enumerate(rows) if isinstance(row, EncodedRow)]
    encoded = [row for row in rows if isinstance(row, EncodedRow)]
    end = model.tokenizer.eos_token_id
    for place, row, own in zip(places, encoded, target_nats(model, encoded, batching), strict=True):
        counted = own[:-1] if row.token_ids[-1] == end else own
        if len(counted):
            nats[place] = float(counted.mean())
    return nats


def removals(prompt: str) -> list[str]:
    """The prompt without each of its words in turn, where something is left."""
    words = list(re.finditer(r"\S+", prompt))
    cut = [prompt[: word.start()].rstrip() + prompt[word.end() :] for word in words]
    return [text for text in cut if text.strip()]


SUSPICIOUS = 0.5
"""How much the removal of a word must lower a prompt's perplexity for the original to remove it, as
in the paper's comparison."""


def without_suspicious(
    prompt: str, whole: float, without: NDArray[np.floating], threshold: float = SUSPICIOUS
) -> str:
    """What the original makes of a prompt: all words removed that lower its perplexity so much.

    A word takes the space before it with it; a prompt of suspicious words alone stays.

    **Arguments:**

    - `whole`, `without`: mean nats a token of the prompt, and of it without each of its words:
        shape (words,).
    """
    suspicious = np.exp(whole) - np.exp(without) >= threshold
    words = list(re.finditer(r"\s*\S+", prompt))
    kept = [word.group() for word, bad in zip(words, suspicious, strict=True) if not bad]
    return "".join(kept).lstrip() or prompt


def largest_drop(whole: float, without: NDArray[np.floating]) -> float:
    """The score from mean nats a token of the prompt, whole and without each word.

    NaN if one of them is.
    """
    if np.isnan(whole) or np.isnan(without).any():
        return float("nan")
    if len(without) == 0:
        return 0.0
    return float(max(0.0, 1.0 - np.exp(float(without.min()) - whole)))
