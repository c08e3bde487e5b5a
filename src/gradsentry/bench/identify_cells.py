"""Detectors on labelled mixtures: how one cell is run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from gradsentry._version import __version__
from gradsentry.bench.cells import result_path
from gradsentry.bench.identify_plan import IdentifyCell
from gradsentry.bench.mixture_files import LABEL, mixture_file
from gradsentry.bench.results import Result
from gradsentry.bench.scans import detector_for, scan_mixture
from gradsentry.bench.spec import below
from gradsentry.bench.state_cache import StateCache
from gradsentry.measures import f1_interval, identification, ranking
from gradsentry.models import ModelOptions, load_model
from gradsentry.records.data_options import DataOptions
from gradsentry.report import ScanReport
from gradsentry.scan_options import ScanOptions
from gradsentry.work.ownership import file_digest, replacing, set_aside
from gradsentry.work.progress import Progress


def measuring(data: Path, out: Path, progress: Progress) -> Callable[[IdentifyCell], Result]:
    """What measures a cell.

    **Arguments:**

    - `data`: the folder that the plan's files lie in, data and models.
    - `out`: takes the scores, beside the results, and a cache of mixtures and head states.
    """
    return _Run(data, out, progress).result


@dataclass(frozen=True)
class _Run:
    """A benchmark that is running."""

    data: Path
    out: Path
    progress: Progress
    _loaded: dict[str | None, StateCache] = field(default_factory=dict)
    """The model of the last cell."""

    def result(self, cell: IdentifyCell) -> Result:
        """What a detector comes to; its scores are written."""
        states = self._states(cell.model)
        cache = self.out / "cache"
        mixture = mixture_file(cell.mixture, cell.data, self.data, cache / "mixtures")
        report, seconds = scan_mixture(
            mixture, _options(cell), states, cache / "work", self.progress
        )
        _write_scores(scores_path(cell, self.out), report)
        return {**asdict(cell), "mixture": cell.mixture.name, **_figures(report, seconds)}

    def _states(self, name: str | None) -> StateCache:
        if name not in self._loaded:
            self._loaded.clear()
            reference = None if name is None else below(self.data, name)
            model = load_model(reference, ModelOptions(), self.progress.note)
            self._loaded[name] = StateCache.open(self.out / "cache" / "states", model)
        return self._loaded[name]


def scores_path(cell: IdentifyCell, out: Path) -> Path:
    """Where a cell's scores lie, unless somebody took them away: results stand without them."""
    return result_path(cell, out).with_suffix(".npz")


def scores_of(cell: IdentifyCell, out: Path) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels of a cell's scored rows."""
    with np.load(scores_path(cell, out)) as kept:
        return kept["scores"], kept["labels"]


def _options(cell: IdentifyCell) -> ScanOptions:
    return ScanOptions(
        data=DataOptions(label_column=LABEL),
        detector=detector_for(
            cell.detector, target_module=cell.module, expected_ratio=cell.ratio or 0.1
        ),
    )


def _figures(report: ScanReport, seconds: float) -> Result:
    """What is told of a scan."""
    scored, labels = report.rows.scored, report.rows.labels
    assert labels is not None
    labels, scores = labels[scored], report.scores[scored]
    flagged, review = report.flagged[scored], report.review[scored]
    known, ranked = identification(labels, flagged, scores), ranking(labels, scores)
    low, high = f1_interval(labels, flagged)
    return {
        "rows": len(scored),
        "scored": int(scored.sum()),
        "poisoned": known.poisoned,
        "flagged": int(flagged.sum()),
        "review": int(review.sum()),
        "recall": known.recall,
        "precision": known.precision,
        "f1": known.f1,
        "f1_low": low,
        "f1_high": high,
        "f1_with_review": identification(labels, flagged | review, scores).f1,
        "auroc": known.auroc,
        "best_f1": ranked.best_f1,
        "recall_at_1fpr": ranked.recall_at_1fpr,
        "retained": 1.0 - float(flagged[~labels].mean()) if (~labels).any() else None,
        "threshold": report.threshold.value,
        "threshold_method": report.threshold.method,
        "seconds": round(seconds, 2),
        "model_revision": report.scanned_with.model_revision,
        "gradsentry": __version__,
    }


def _write_scores(path: Path, report: ScanReport) -> None:
    """Write the scores and labels of the scored rows."""
    scored, labels = report.rows.scored, report.rows.labels
    assert labels is not None
    scores = report.scores[scored].astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        with part.open("wb") as file:
            np.savez_compressed(file, scores=scores, labels=labels[scored])
        if os.path.lexists(path) and file_digest(path) != file_digest(part):
            set_aside(path)  # of a result that isn't there: nobody knows whose they are
