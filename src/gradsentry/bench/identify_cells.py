"""Detectors on labelled mixtures: every cell of a plan, once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from gradsentry._version import __version__
from gradsentry.bench.folder import held
from gradsentry.bench.identify_plan import IdentifyCell, IdentifyPlan
from gradsentry.bench.mixture_files import LABEL, mixture_file
from gradsentry.bench.results import Result, read_result, tell_if_damaged, write_result
from gradsentry.bench.scans import detector_for, scan_mixture
from gradsentry.bench.spec import below, digest
from gradsentry.bench.state_cache import StateCache
from gradsentry.measures import f1_interval, identification, ranking
from gradsentry.models import ModelOptions, load_model
from gradsentry.records.data_options import DataOptions
from gradsentry.report import ScanReport
from gradsentry.scan_options import ScanOptions
from gradsentry.work.ownership import file_digest, replacing, set_aside
from gradsentry.work.progress import Progress


def run_identification(
    plan: IdentifyPlan, data: Path, out: Path, progress: Progress
) -> list[IdentifyCell]:
    """Run the cells whose results aren't in `out` yet; returns all cells of the plan.

    **Arguments:**

    - `data`: the folder that the plan's files lie in, data and models.
    - `out`: takes `cells/` with one JSON and one score file each, and a cache of mixtures and head
        states, which may be deleted when all is done.
    """
    cells = plan.cells()
    loaded: dict[str | None, StateCache] = {}
    with held(out, [str(data)]):
        for number, cell in enumerate(cells, start=1):
            path = result_path(out, cell)
            if read_result(path) is not None:
                continue
            tell_if_damaged(path, progress)
            progress.note(f"Cell {number:,} of {len(cells):,}: {described(cell)}")
            if cell.model not in loaded:
                loaded.clear()
                reference = None if cell.model is None else below(data, cell.model)
                model = load_model(reference, ModelOptions(), progress.note)
                loaded[cell.model] = StateCache.open(out / "cache" / "states", model)
            mixture = mixture_file(cell.mixture, cell.data, data, out / "cache" / "mixtures")
            scanned = scan_mixture(
                mixture, _options(cell), loaded[cell.model], out / "cache" / "work", progress
            )
            _write(path, cell, *scanned)
    return cells


def described(cell: IdentifyCell) -> str:
    """A cell in words."""
    volume = "" if cell.volume is None else f" ({cell.volume:,} rows)"
    module = "" if cell.module == "lm_head" else f" of {cell.module}"
    model = "" if cell.model is None else f", {Path(cell.model).name}"
    rows = f"{cell.data}{volume}, {cell.mixture.in_words}"
    return f"{cell.table}: {rows}, {cell.detector}{module}{model}"


def result_path(out: Path, cell: IdentifyCell) -> Path:
    """Where a cell's result lies; the scores lie beside it."""
    name = "-".join(
        str(part)
        for part in (
            cell.table,
            cell.data,
            cell.volume or "all",
            cell.attack,
            f"{cell.ratio:g}",
            cell.seed,
            cell.detector,
            "default" if cell.model is None else f"{Path(cell.model).name}-{digest(cell.model)}",
            cell.module,
            cell.mixture.name,
        )
    )
    return out / "cells" / f"{name}.json"


def measured(out: Path, cells: Sequence[IdentifyCell]) -> list[tuple[IdentifyCell, Result]]:
    """All cells that have a result, with it, in their order."""
    results = [(cell, read_result(result_path(out, cell))) for cell in cells]
    return [
        (cell, {**result, "published": cell.published})
        for cell, result in results
        if result is not None
    ]


def scores_path(out: Path, cell: IdentifyCell) -> Path:
    """Where a cell's scores lie, unless somebody took them away: results stand without them."""
    return result_path(out, cell).with_suffix(".npz")


def scores_of(out: Path, cell: IdentifyCell) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels of a cell's scored rows."""
    with np.load(scores_path(out, cell)) as kept:
        return kept["scores"], kept["labels"]


def _options(cell: IdentifyCell) -> ScanOptions:
    return ScanOptions(
        data=DataOptions(label_column=LABEL),
        detector=detector_for(
            cell.detector, target_module=cell.module, expected_ratio=cell.ratio or 0.1
        ),
    )


def _write(path: Path, cell: IdentifyCell, result: ScanReport, seconds: float) -> None:
    scored, labels = result.rows.scored, result.rows.labels
    assert labels is not None
    labels, scores = labels[scored], result.scores[scored]
    flagged, review = result.flagged[scored], result.review[scored]
    known, ranked = identification(labels, flagged, scores), ranking(labels, scores)
    low, high = f1_interval(labels, flagged)
    line = {
        **asdict(cell),
        "mixture": cell.mixture.name,
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
        "threshold": result.threshold.value,
        "threshold_method": result.threshold.method,
        "seconds": round(seconds, 2),
        "model_revision": result.scanned_with.model_revision,
        "gradsentry": __version__,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    kept_scores = path.with_suffix(".npz")
    with replacing(kept_scores) as part:
        with part.open("wb") as file:
            np.savez_compressed(file, scores=scores.astype(np.float32), labels=labels)
        if os.path.lexists(kept_scores) and file_digest(kept_scores) != file_digest(part):
            set_aside(kept_scores)  # of a result that isn't there: nobody knows whose they are
    write_result(path, line)
