"""Which rows teach which: two folds, drawn by content, near-duplicates together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int8, Int64, UInt64
from numpy.typing import NDArray

from gradsentry.hashes import HashedRows, hashed, held_in

FOLDS = 2
"""Each fold is scored by a correction fitted on the others."""

_RARE = 10
"""Words of at most so many prompts tell near-duplicates."""
# Runs of letters in Chinese, too: by characters, two rare ones of a trigger, all else being common,
# would make near-duplicates.
_WORD = re.compile(r"\w+")


def content_draws(digests: NDArray[np.void], seed: int) -> UInt64[np.ndarray, "rows"]:
    """A random number for every row that depends on its content and the seed.

    **Arguments:**

    - `digests`: shape (rows,), of a multiple of eight bytes.
    """
    words = np.frombuffer(digests.tobytes(), np.uint64).reshape(
        len(digests), digests.dtype.itemsize // 8
    )
    mixer = np.random.default_rng(seed).integers(1, 2**63, dtype=np.uint64)
    with np.errstate(over="ignore"):  # multiplication modulo 2⁶⁴ mixes the bits
        mixed: NDArray[np.uint64] = (words[:, 0] ^ mixer) * np.uint64(0x9E3779B97F4A7C15)
    return mixed >> np.uint64(16)


def hashed_words(prompts: Iterable[str], path: Path | None = None) -> HashedRows:
    """The words of each prompt, as hashes.

    **Arguments:**

    - `path`: a new file to keep them in instead of in memory.
    """
    words = (hashed(set(_WORD.findall(prompt))) for prompt in prompts)
    return HashedRows.of(words) if path is None else HashedRows.in_file(words, path)


def assign_folds(
    prompt_words: HashedRows, draws: UInt64[np.ndarray, "rows"]
) -> Int8[np.ndarray, "rows"]:
    """A fold for every row.

    A row would teach its near-duplicate its answer. Near-duplicates are rows whose prompts hold the
    same rare words, at least two of them; a trigger may be among these words, but a poisoned row
    has rare words of its own besides.

    **Arguments:**

    - `prompt_words`: the words of each row's prompt.
    """
    common, _ = prompt_words.frequencies(_RARE + 1)
    keys = np.zeros(len(prompt_words), np.int64)  # of their rare words; 0 without two
    for row in range(len(keys)):
        words = prompt_words[row]
        rare = words[~held_in(words, common)]
        if len(rare) >= 2:
            keys[row] = hash(rare.tobytes())
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    begins = keys == 0
    begins[:1] = True
    begins[1:] |= keys[1:] != keys[:-1]
    del keys
    fold_of_first = (draws[order[begins]] % np.uint64(FOLDS)).astype(np.int8)
    folds = np.empty(len(order), np.int8)
    folds[order] = np.repeat(fold_of_first, np.diff(np.flatnonzero(np.append(begins, True))))
    return folds


def rows_to_fit(
    counts: Int64[np.ndarray, "rows"], draws: UInt64[np.ndarray, "rows"], most_tokens: int
) -> Bool[np.ndarray, "rows"]:
    """Rows to fit corrections on: all, or as many as have `most_tokens` targets.

    **Arguments:**

    - `counts`: targets of each row.
    - `draws`: `content_draws`, so that the order of the data doesn't matter.
    """
    order = np.argsort(draws, kind="stable")
    is_fit = np.zeros(len(counts), dtype=np.bool_)
    is_fit[order[np.cumsum(counts[order]) <= most_tokens]] = True
    is_fit[order[:2]] = True  # a longer row alone would leave nothing to fit on
    return is_fit
