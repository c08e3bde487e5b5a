"""Rows as points: the final hidden state before their last target, which has seen the whole row.

The methods on such points were published for classifiers, where the points are those of one class;
fine-tuning data have no classes, so all rows are one.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64
from torch import Tensor

from gradsentry.detectors.detection import Detection, FloatArray
from gradsentry.detectors.detector import Detector
from gradsentry.encoding import EncodedBatch
from gradsentry.models import TargetStates
from gradsentry.thresholds import CLUSTERS, Threshold
from gradsentry.work.batch_results import fill_table, score_with_copies
from gradsentry.work.engine import Worker
from gradsentry.work.scan_work import ScanWork


@dataclass(frozen=True, kw_only=True)
class PointsDetector(Detector):
    """A detector that compares rows as points."""

    @abstractmethod
    def score_points(self, points: Float64[np.ndarray, "rows d"]) -> Float64[np.ndarray, "rows"]:
        """Scores in [0, 1] of points; a row above one half is flagged."""

    def detect(self, work: ScanWork) -> Detection:
        """Score rows as points, each as often as it occurs; NaN for points that aren't finite."""
        shape = (work.rows.planned, work.model.head.hidden_size)
        points = work.space.table("points", shape, np.float32)
        offsets = np.arange(len(points) + 1)
        fill_table(work, "points", points, offsets, _points_of)
        finite = np.isfinite(points).all(axis=1)
        scores = score_with_copies(
            work, finite, lambda rows: self.score_points(points[rows].astype(float))
        )
        return Detection(work.of_input_rows(scores))

    def threshold(self, scores: Float64[np.ndarray, "rows"]) -> Threshold:  # noqa: ARG002 (clusters decide)
        """One half, which parts the clusters."""
        return CLUSTERS


def _points_of(batch: EncodedBatch, worker: Worker) -> Float32[Tensor, "B d"]:
    return last_hidden(worker.head_states(batch))


def last_hidden(states: TargetStates) -> Float32[Tensor, "B d"]:
    """The representation of every row of a batch, on the CPU."""
    last = states.counts.cumsum(0) - 1
    return states.hidden[last.to(states.hidden.device)].float().cpu()


def in_smaller(
    member: Bool[np.ndarray, "rows"], margin: Float64[np.ndarray, "rows"]
) -> Float64[np.ndarray, "rows"]:
    """Scores above one half for members, and as far from it as the margin (in [0, 1]) says."""
    half = 0.5 * np.clip(margin, 1e-6, 1.0)
    scores: FloatArray = np.where(member, 0.5 + half, 0.5 - half)
    return scores
