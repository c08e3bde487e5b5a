"""A scan in experiment trackers: its figures, and its results if they are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradsentry.errors import InputError
from gradsentry.integrations.needed_packages import import_needed
from gradsentry.report import ScanReport

_NAME = "gradsentry"


def scan_metrics(report: ScanReport) -> dict[str, float]:
    """The figures of a scan that are worth comparing between runs."""
    summary = report.summary()
    counts = ("rows", "scored", "skipped", "unjudged", "flagged", "review")
    metrics = {f"{_NAME}/{name}": float(summary[name]) for name in counts}
    metrics[f"{_NAME}/groups"] = float(len(report.groups))
    known = summary.get("identification") or {}
    for name in ("recall", "precision", "f1", "auroc"):
        if known.get(name) is not None:
            metrics[f"{_NAME}/{name}"] = float(known[name])
    return metrics


def log_to_mlflow(report: ScanReport, results: str | Path | None = None) -> None:
    """Log a scan's figures into the MLflow run that is active, or into a new one.

    **Arguments:**

    - `results`: the folder that the scan wrote; it is logged whole, with the rows in it.

    **Raises:**

    `InputError` if MLflow isn't installed, or if `results` is no folder.
    """
    mlflow = import_needed("mlflow", "mlflow-skinny")
    folder = _folder(results)
    mlflow.log_metrics(scan_metrics(report))
    mlflow.set_tags({f"{_NAME}.{name}": value for name, value in _tags(report).items()})
    if folder is not None:
        mlflow.log_artifacts(folder, artifact_path=_NAME)


def log_to_wandb(report: ScanReport, results: str | Path | None = None, run: Any = None) -> None:
    """Log a scan's figures into the summary of a Weights & Biases run.

    **Arguments:**

    - `results`: the folder that the scan wrote; it becomes an artifact, with the rows in it.
    - `run`: what `wandb.init` gave; None takes the active run.

    **Raises:**

    `InputError` if wandb isn't installed, no run is active, or `results` is no folder.
    """
    wandb = import_needed("wandb", "wandb")
    folder = _folder(results)
    run = wandb.run if run is None else run
    if run is None:
        raise InputError("No run of Weights & Biases is active.", "Call wandb.init() first.")
    tags = {f"{_NAME}/{name}": value for name, value in _tags(report).items()}
    run.summary.update({**scan_metrics(report), **tags})
    if folder is not None:
        artifact = wandb.Artifact(name=f"{_NAME}-scan", type="scan", metadata=_tags(report))
        artifact.add_dir(folder)
        run.log_artifact(artifact)


def _tags(report: ScanReport) -> dict[str, str]:
    """What a scan rests on, in texts that no row had a hand in."""
    return {
        "verdict": str(report.verdict),
        "data_digest": report.data_digest or "unknown",
        "model_revision": report.scanned_with.model_revision,
        "version": report.scanned_with.versions[_NAME],
    }


def _folder(results: str | Path | None) -> str | None:
    if results is not None and not Path(results).is_dir():
        raise InputError(
            f"{results}: there is no such folder.", "Name the folder that the scan wrote."
        )
    return None if results is None else str(results)
