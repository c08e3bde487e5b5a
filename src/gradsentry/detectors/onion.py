"""ONION (arXiv 2011.10369) as a score of rows: how much one word of the prompt disturbs it.

The original removes each word w of a prompt whose removal lowers its perplexity p by more than a
threshold. Here a row's score is the largest relative drop, 1 − min_w p(prompt without w) / p, or 0
if no removal lowers it.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray


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
