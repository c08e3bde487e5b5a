"""Baseline: the number of target tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.detection import Detection
from gradsentry.detectors.detector import Detector
from gradsentry.work.scan_work import ScanWork

_HALF_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class Length(Detector):
    """Scores a row by its number of target tokens."""

    name: ClassVar[str] = "length"

    @property
    def axis(self) -> str:
        return "T / (T + 16) for a row of T target tokens"

    def detect(self, work: ScanWork) -> Detection:
        return Detection(work.of_input_rows(length_scores(work.target_tokens)))


def length_scores(target_tokens: NDArray[np.integer]) -> NDArray[np.float64]:
    """T / (T + 16) for rows of T targets, in (0, 1). Shape (rows,).

    The paper's score can't exceed log min(T, 16) / log 16.
    """
    counts = target_tokens.astype(np.float64)
    scores: NDArray[np.float64] = counts / (counts + _HALF_LENGTH)
    return scores
