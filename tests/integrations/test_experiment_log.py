"""Scans in experiment trackers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gradsentry import InputError, Verdict
from gradsentry.integrations import log_to_mlflow, log_to_wandb, scan_metrics
from tests.outputs.reports import HOSTILE, make_findings, make_report


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "summary.json").write_text("{}")
    return folder


def test_metrics_are_counts_and_what_is_known() -> None:
    report = make_report(
        scores=[0.1, 0.2, float("nan"), 0.9],
        labels=[False, False, False, True],
        findings=make_findings(4, [Verdict.POISON], [-1, -1, -1, 0]),
    )
    found = scan_metrics(report)
    assert found["gradsentry/rows"] == 4
    assert found["gradsentry/flagged"] == found["gradsentry/groups"] == 1
    assert found["gradsentry/recall"] == 1
    assert "gradsentry/recall" not in scan_metrics(make_report())


def test_mlflow_gets_figures_tags_and_the_folder(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    experiment = mlflow.create_experiment("scans", artifact_location=str(tmp_path / "artifacts"))
    with mlflow.start_run(experiment_id=experiment) as run:
        log_to_mlflow(make_report(), results)
    kept = mlflow.get_run(run.info.run_id).data
    assert kept.metrics == scan_metrics(make_report())
    assert kept.tags["gradsentry.verdict"] == "poison"
    (file,) = (tmp_path / "artifacts").rglob("summary.json")
    assert file.parent.name == "gradsentry"


class FakeArtifact:
    """Stands in for the class of the package wandb, which is too large for tests."""

    def __init__(self, name: str, type: str, metadata: dict[str, str]) -> None:
        self.name, self.kind, self.metadata = name, type, metadata
        self.folders: list[str] = []

    def add_dir(self, local_path: str) -> None:
        self.folders.append(local_path)


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = ModuleType("wandb")
    module.Artifact, module.run = FakeArtifact, None
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def test_wandb_gets_figures_and_an_artifact(results: Path, wandb: Any) -> None:
    logged: list[FakeArtifact] = []
    wandb.run = SimpleNamespace(summary={}, log_artifact=logged.append)
    log_to_wandb(make_report(), results)
    assert wandb.run.summary["gradsentry/verdict"] == "poison"
    assert wandb.run.summary["gradsentry/flagged"] == 2
    (artifact,) = logged
    assert artifact.folders == [str(results)]
    log_to_wandb(make_report())
    assert len(logged) == 1


@pytest.mark.usefixtures("wandb")
def test_a_missing_run_or_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"wandb.init"):
        log_to_wandb(make_report())
    with pytest.raises(InputError, match="no such folder"):
        log_to_wandb(make_report(), tmp_path / "nothing")


@pytest.mark.parametrize(("log", "module"), [(log_to_mlflow, "mlflow"), (log_to_wandb, "wandb")])
def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, log: Any, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=f"pip install {module}"):
        log(make_report())


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_the_rows_is_logged(text: str) -> None:
    findings = make_findings(4, [Verdict.POISON], [0, 0, 0, 0], payload=text, trigger=text)
    assert text not in json.dumps(scan_metrics(make_report([text] * 4, findings=findings)))
