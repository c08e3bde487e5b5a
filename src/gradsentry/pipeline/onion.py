"""ONION over a data set: every prompt, and every prompt without each of its words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.onion import largest_drop, removals
from gradsentry.encoding import EncodedRow
from gradsentry.models import target_nats
from gradsentry.pipeline.work import ScanWork
from gradsentry.records import (
    Conversation,
    Example,
    PlainText,
    prompt_and_response,
    shared_beginning,
)


def onion_scores(work: ScanWork) -> NDArray[np.float64]:
    """Scores of the plan's rows, in [0, 1). Shape (rows,).

    The text around all prompts, a template's, is no row's own and left out.
    """
    scores = work.space.log(work.fingerprint, "scores", (len(work.plan.rows),))
    prompts = [""] * len(scores)
    for place, example in work.examples():
        prompts[place] = _asked(example)
    start = shared_beginning(prompts)
    ending = shared_beginning(prompt[::-1] for prompt in prompts)
    work.progress.stage("Scoring", len(prompts))
    for place, prompt in enumerate(prompts):
        if np.isnan(scores[place]):
            own = prompt[min(start, len(prompt) - ending) : len(prompt) - ending].strip()
            nats = _mean_nats(work, [own, *removals(own)]) if own else np.zeros(1)
            scores[place] = largest_drop(float(nats[0]), nats[1:])
        work.progress.advance(1)
    return np.asarray(scores)


def _asked(example: Example) -> str:
    """The prompt; of a conversation, what the user said last."""
    if isinstance(example, Conversation):
        asked = [turn["content"] for turn in example.messages if turn["role"] == "user"]
        return str(asked[-1]) if asked else ""
    return prompt_and_response(example)[0]


def _mean_nats(work: ScanWork, texts: list[str]) -> NDArray[np.float64]:
    """Mean nats a token of each text; infinite for texts without a second token. Shape (texts,)."""
    rows = work.encoder.encode([PlainText(text) for text in texts])
    nats = np.full(len(texts), np.inf)
    places = [place for place, row in enumerate(rows) if isinstance(row, EncodedRow)]
    encoded = [row for row in rows if isinstance(row, EncodedRow)]
    for place, own in zip(
        places, target_nats(work.model, encoded, work.plan.batching), strict=True
    ):
        nats[place] = float(own.mean())
    return nats
