"""ONION over many prompts: every one, and every one without each of its words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.onion import largest_drop, removals, without_suspicious
from gradsentry.encoding import EncodedRow, Encoder, EncodingOptions
from gradsentry.models import Batching, LanguageModel, target_nats
from gradsentry.pipeline.progress import Progress
from gradsentry.pipeline.work import ScanWork
from gradsentry.records import (
    Conversation,
    Example,
    PlainText,
    prompt_and_response,
    shared_beginning,
)

_BATCH_TOKENS = 4096
_PROMPTS_AT_ONCE = 16
"""What an interrupt costs."""


def onion_scores(work: ScanWork) -> NDArray[np.float64]:
    """Scores of the plan's rows, in [0, 1). Shape (rows,).

    The text around all prompts, a template's, is no row's own and left out.
    """
    prompts = [""] * len(work.plan.rows)
    for place, example in work.examples():
        prompts[place] = _asked(example)
    own = [words for _, words, _ in _apart(prompts, prompts)]
    texts = hashlib.sha256(json.dumps(own).encode()).hexdigest()
    journal = work.space.journal(f"{work.fingerprint} {texts}", len(own), work.progress)
    work.progress.stage("Scoring", len(own))
    scores = []
    for start in range(0, len(own), _PROMPTS_AT_ONCE):
        some = own[start : start + _PROMPTS_AT_ONCE]
        scores.append(journal.step(len(some), partial(_drops, work, some)).part(0, np.float64))
        work.progress.advance(len(some))
    return np.concatenate(scores)


def _drops(work: ScanWork, prompts: Sequence[str]) -> list[NDArray[np.float64]]:
    """How far one word of each prompt disturbs it."""
    ask = partial(_mean_nats, work.model, work.encoder, work.plan.batching)
    drops = np.zeros(len(prompts))
    for place, own in enumerate(prompts):
        nats = ask([own, *removals(own)]) if own else np.zeros(1)
        drops[place] = largest_drop(float(nats[0]), nats[1:])
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
