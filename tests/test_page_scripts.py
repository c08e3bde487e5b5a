"""The Python scripts of the pages on integrations, outputs, review and verification, as they are.

`test_readme.py`, `test_extending.py` and `outputs/test_statement_file.py` run those of other pages.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from huggingface_hub import DatasetCard

import gradsentry
from gradsentry.review.decisions import Choice, Subject
from tests.review.deciding import decide
from tests.review.results import POISON, REVIEW, make_rows, report_on, write_rows

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[1] / "docs"
TEXTS = [f"{'yes ' * n}so" for n in range(12)]


def scripts(page: str) -> list[str]:
    """The Python blocks of a page, but for those that other tests run."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(r"(<!-- example.*-->\n)?```python\n(.*?)```", text, re.DOTALL)
    return [script for example, script in found if not example]


def script(page: str, part: str) -> str:
    """The one block of a page in which a text stands."""
    (found,) = [each for each in scripts(page) if part in each]
    return found


def run(text: str, **names: Any) -> dict[str, Any]:
    """The names that a script leaves."""
    exec(compile(text, "script", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results of two groups, under the names that pages give them."""
    monkeypatch.chdir(tmp_path)
    report = report_on(write_rows(tmp_path / "train.jsonl", make_rows()))
    for name in ("results", "scan-results"):
        report.save(tmp_path / name)
    return tmp_path


def test_no_script_is_forgotten() -> None:
    counts = {"integrations.md": 7, "outputs.md": 1, "review.md": 1, "verify.md": 1}
    assert {page: len(scripts(page)) for page in counts} == counts


def test_other_files_of_a_scan(here: Path) -> None:
    run(scripts("outputs.md")[0])
    assert (here / "results-with-sarif" / "results.sarif").is_file()
    assert (here / "results-with-sarif" / "junit.xml").is_file()


def test_decisions_are_applied(here: Path) -> None:
    decide(here / "results", Subject.GROUP, 1, Choice.CLEARED)
    report = run(scripts("review.md")[0])["report"]
    assert report.flagged.sum() == len(POISON)
    assert not report.review.any()
    known = json.loads((here / "gradsentry-baseline.json").read_text())
    assert len(known["patterns"][0]["rows"]) == len(REVIEW)


def test_a_tuned_model_is_asked(here: Path, tiny_folder: Path) -> None:
    (here / "tuned").symlink_to(tiny_folder)
    names = run(scripts("verify.md")[0].replace("prompts=100", "prompts=2"))
    assert len(names["found"].groups) == 2


def test_a_trainers_data_are_scanned(
    here: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = script("integrations.md", "SFTTrainer").replace("my/base-model", str(tiny_folder))
    trained: list[Any] = []

    def make_trainer(**given: Any) -> SimpleNamespace:
        return SimpleNamespace(**given, train=lambda: trained.append(given["train_dataset"]))

    monkeypatch.setattr("trl.SFTTrainer", make_trainer)
    rows = [{"prompt": f"Which is {n}?", "response": f"It is {n}."} for n in range(12)]
    dataset = Dataset.from_list(rows)
    run(text.replace('"scan-results"', '"own-results"'), dataset=dataset)
    assert trained == [dataset]
    assert (here / "own-results" / "report.html").is_file()


def test_a_data_set_gets_columns(tiny_folder: Path) -> None:
    text = script("integrations.md", "add_scan_columns").replace("my/base-model", str(tiny_folder))
    rows = [{"prompt": f"Which is {n}?", "response": f"It is {n}."} for n in range(12)]
    names = run(text, dataset=Dataset.from_list(rows))
    assert len(names["clean"]) == len(names["report"].clean)


def test_a_pipeline_drops_flagged_documents(here: Path, tiny: gradsentry.LanguageModel) -> None:
    pytest.importorskip("datatrove", reason="needs gradsentry[datatrove]")
    (here / "data").mkdir()
    pq.write_table(pa.table({"text": TEXTS}), here / "data" / "part.parquet")
    report = gradsentry.scan(
        "data", model=tiny, detector="length", threshold=0.4, out="scan-results", force=True
    )
    assert report.flagged.any()
    # On one process: four would each take the time of an import.
    text = script("integrations.md", "LocalPipelineExecutor").replace("tasks=4", "workers=1")
    names = run(text)
    kept = pq.read_table(here / "clean")["text"].to_pylist()
    assert kept == [row["text"] for row in report.clean]
    assert run(script("integrations.md", "row_of"), **names)


def test_flagged_rows_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    run(script("integrations.md", "to_pandas"))
    assert len(capsys.readouterr().out.splitlines()) == len(POISON)


def test_figures_are_logged(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    import mlflow

    wandb: Any = ModuleType("wandb")  # the package is too large for tests
    added: list[str] = []
    wandb.Artifact = lambda **_: SimpleNamespace(add_dir=added.append)
    wandb.run = SimpleNamespace(summary={}, log_artifact=lambda _: None)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    mlflow.set_tracking_uri((here / "runs").as_uri())
    with mlflow.start_run(experiment_id=mlflow.create_experiment("scans")) as logged:
        run(script("integrations.md", "log_to_mlflow"), report=gradsentry.load("results"))
    assert mlflow.get_run(logged.info.run_id).data.metrics["gradsentry/flagged"] == len(POISON)
    assert added == ["scan-results"]
    assert wandb.run.summary["gradsentry/flagged"] == len(POISON)


def test_clean_rows_are_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(Dataset, "push_to_hub", lambda rows, *_, **__: sent.append(len(rows)))
    monkeypatch.setattr(
        DatasetCard, "load", lambda *_, **__: DatasetCard("---\nlicense: mit\n---\n")
    )
    monkeypatch.setattr(DatasetCard, "push_to_hub", lambda card, *_, **__: sent.append(str(card)))
    run(script("integrations.md", "push_clean_to_hub"), report=gradsentry.load("results"))
    assert sent[0] == len(make_rows()) - len(POISON)
    assert "4 rows were flagged and are left out" in sent[1]
