"""Baseline: outliers along the representations' first principal direction (Tran et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Interval
from jaxtyping import Float64

from gradsentry.detectors.detection import FloatArray
from gradsentry.detectors.points import PointsDetector

_REMOVED = 1.5


@dataclass(frozen=True, kw_only=True)
class SpectralSignatures(PointsDetector):
    """The detector, with the part of the rows that is poisoned, which the method must know."""

    name: ClassVar[str] = "spectral-signatures"

    expected_ratio: Annotated[float, Interval(gt=0, lt=1)] = 0.1

    @property
    def axis(self) -> str:
        return (
            "Squared projection on the representations' first principal direction, as a part of "
            "itself and of the value above which rows are flagged"
        )

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        return (("Expected poison ratio", f"{self.expected_ratio:g}"),)

    def score_points(self, points: Float64[np.ndarray, "rows d"]) -> Float64[np.ndarray, "rows"]:
        return spectral_signature_scores(points, self.expected_ratio)


def spectral_signature_scores(
    points: Float64[np.ndarray, "rows d"], expected_ratio: float
) -> Float64[np.ndarray, "rows"]:
    """Squared projections v of centred points on their top singular vector.

    Returned as v / (v + c) with c the v that 1.5 times the expected poison ratio of the rows exceed
    (Tran et al., 2018, remove that many): above one half a row is flagged.
    """
    centred = points - points.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    projected = (centred @ vectors[:, np.argmax(values)]) ** 2
    cut = float(np.quantile(projected, max(0.0, 1.0 - _REMOVED * expected_ratio)))
    scores: FloatArray = projected / (projected + max(cut, 1e-12))
    return scores
