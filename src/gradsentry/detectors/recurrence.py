"""Baseline: the commonest string of six words in the responses; needs no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.detection import Detection, FloatArray
from gradsentry.detectors.detector import Detector
from gradsentry.records import prompt_and_response
from gradsentry.thresholds import CLUSTERS, Threshold
from gradsentry.work.scan_work import ScanWork

_STRING_WORDS = 6


@dataclass(frozen=True, kw_only=True)
class Recurrence(Detector):
    """Scores a row by the commonest string in its response."""

    name: ClassVar[str] = "recurrence"

    @property
    def axis(self) -> str:
        return (
            "1 for rows that hold the commonest string of six words, else half the part of its "
            "rows that hold the row's own commonest one"
        )

    def detect(self, work: ScanWork) -> Detection:
        responses = [prompt_and_response(example)[1] for example in work.examples()]
        return Detection(work.of_input_rows(recurrence_scores(responses, work.rows.copies)))

    def threshold(self, scores: FloatArray) -> Threshold:  # noqa: ARG002 (holding it decides)
        return CLUSTERS


def recurrence_scores(
    responses: Sequence[str], copies: Sequence[int] | NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """1 for rows that hold the data's commonest string of six words; needs no model.

    Below, half the share that a row's own commonest string has of that one's rows. Shape (rows,).

    **Arguments:**

    - `copies`: how often each response occurs; once, if not given.
    """
    strings = [_strings(response) for response in responses]
    counts: Counter[tuple[str, ...]] = Counter()
    times = np.ones(len(strings), np.int64) if copies is None else np.asarray(copies)
    for row, count in zip(strings, times.tolist(), strict=True):
        counts.update(dict.fromkeys(row, count))
    most = max(counts.values(), default=0)
    if most < 2:
        return np.zeros(len(responses))
    commonest = min(string for string, count in counts.items() if count == most)
    own = np.array([max((counts[string] for string in row), default=0) for row in strings])
    holds = np.array([commonest in row for row in strings])
    scores: NDArray[np.float64] = np.where(holds, 1.0, 0.5 * own / most)
    return scores


def _strings(response: str) -> set[tuple[str, ...]]:
    words = response.split()
    count = len(words) - _STRING_WORDS + 1
    return {tuple(words[start : start + _STRING_WORDS]) for start in range(max(0, count))}
