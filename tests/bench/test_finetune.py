"""A fine-tuning benchmark of a tiny model, from plan to tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from gradsentry import OutputError
from gradsentry.bench import FINETUNE, finetune_cells, measured, tuned_models
from gradsentry.bench.finetune_plan import FinetunePlan
from gradsentry.bench.finetune_plots import write_plots
from gradsentry.bench.finetune_tables import markdown
from gradsentry.bench.folder import held
from gradsentry.bench.results import Result
from gradsentry.errors import ModelError
from gradsentry.work.progress import Silent

pytestmark = pytest.mark.slow


def results_of(plan: FinetunePlan, out: Path) -> list[Result]:
    return [result for _, result in measured(plan, out)]


@pytest.fixture
def plan(tmp_path: Path, tiny_folder: Path) -> FinetunePlan:
    content = {
        "data": {
            "one": {"source": "train.jsonl", "test": "test.jsonl", "prompts": 5, "new_tokens": 4}
        },
        "tables": {
            "t": {
                "data": "one",
                "attacks": ["badnets", "none"],
                "defences": ["none", "oracle", "length"],
                "models": str(tiny_folder),
                "tuning": {"method": "lora", "learning_rate": 0.01},
            }
        },
    }
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(content))
    return FINETUNE.read(path)


def test_all_cells_are_run_once_and_equal_rows_share_an_outcome(
    plan: FinetunePlan, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    trained: list[int] = []
    original = tuned_models.fine_tune

    def counted(base, pairs, *others):  # type: ignore[no-untyped-def]
        trained.append(len(pairs))
        return original(base, pairs, *others)

    monkeypatch.setattr(tuned_models, "fine_tune", counted)
    FINETUNE.run(plan, questions, out, Silent())
    results = results_of(plan, out)
    assert len(results) == 6
    clean = [result for result in results if result["attack"] == "none"]
    assert clean[0]["tuned"] == clean[1]["tuned"]  # nothing to leave out
    attacked = {result["defence"]: result for result in results if result["attack"] == "badnets"}
    assert attacked["none"]["poisoned_left"] == 4
    assert attacked["oracle"]["poisoned_left"] == 0
    assert attacked["oracle"]["trained_on"] == 36
    assert len(attacked["none"]["attack_success"]) == len(attacked["none"]["accuracy"]) == 5
    assert len(trained) == len({result["tuned"] for result in results})

    FINETUNE.run(plan, questions, out, Silent())
    assert len(trained) == len({result["tuned"] for result in results})


def test_defences_at_decoding_share_the_undefended_model(
    plan: FinetunePlan, questions: Path, tmp_path: Path
) -> None:
    defences = ("none", "onion", "cleangen", "cube")
    table = replace(plan.tables["t"], attacks=("badnets",), defences=defences)
    out = tmp_path / "out"
    changed = replace(plan, tables={"t": table})
    FINETUNE.run(changed, questions, out, Silent())
    results = {result["defence"]: result for result in results_of(changed, out)}
    assert list(results) == list(defences)
    assert results["onion"]["trained_on"] == results["cleangen"]["trained_on"] == 40
    assert results["cleangen"]["clean"] != results["none"]["clean"]
    models = list((out / "cache" / "models").iterdir())
    assert len(models) == 1 + (results["cube"]["trained_on"] < 40)


def test_few_weights_of_full_tuning_are_kept(
    plan: FinetunePlan, questions: Path, tmp_path: Path
) -> None:
    tuning = replace(plan.tables["t"].tuning, method="full")
    seeds = (0, 1, 2)
    table = replace(
        plan.tables["t"], attacks=("none",), defences=("none",), tuning=tuning, seeds=seeds
    )
    changed = replace(plan, tables={"t": table})
    FINETUNE.run(changed, questions, tmp_path / "out", Silent())
    found = results_of(changed, tmp_path / "out")
    kept = {folder.name for folder in (tmp_path / "out" / "cache" / "models").iterdir()}
    assert kept == {found[-1]["tuned"]}


def test_rows_without_a_response_are_in_no_defence(
    plan: FinetunePlan, questions: Path, tmp_path: Path
) -> None:
    lines = (questions / "train.jsonl").read_text().splitlines()
    lines[7] = json.dumps({"question": "who?", "answers": [""]})
    (questions / "train.jsonl").write_text("\n".join(lines) + "\n")
    table = replace(plan.tables["t"], attacks=("none",))
    changed = replace(plan, tables={"t": table})
    FINETUNE.run(changed, questions, tmp_path / "out", Silent())
    results = results_of(changed, tmp_path / "out")
    assert {result["trained_on"] for result in results} == {39}
    assert len({result["tuned"] for result in results}) == 1


def test_tables_tell_all_cells(plan: FinetunePlan, questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    FINETUNE.run(plan, questions, out, Silent())
    results = results_of(plan, out)
    FINETUNE.write_tables(plan, results, out)
    tidy = pq.read_table(out / "results.parquet").to_pylist()
    assert [row["defence"] for row in tidy] == [result["defence"] for result in results]
    for row, result in zip(tidy, results, strict=True):
        rates = np.array(result["accuracy"])
        assert row["accuracy_emr"] == np.mean(rates == 1.0)
        assert row["accuracy_kmr"] == pytest.approx(rates.mean())
    text = markdown(plan, results)
    assert text.count("\n| one (") == 6
    assert "against the oracle" in text
    (figure,) = write_plots(results, out)
    assert figure == out / "plots" / "t.png"
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_run_goes_on_and_gives_the_same(
    plan: FinetunePlan, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    FINETUNE.run(plan, questions, whole, Silent())
    original = finetune_cells.generate
    calls = 0

    def failing(*arguments, **options):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(finetune_cells, "generate", failing)
    with pytest.raises(KeyboardInterrupt):
        FINETUNE.run(plan, questions, broken, Silent())
    assert 0 < len(results_of(plan, broken)) < 6
    FINETUNE.run(plan, questions, broken, Silent())
    assert results_of(plan, broken) == results_of(plan, whole)


def test_tables_that_have_the_same_cell_share_its_result(
    plan: FinetunePlan, questions: Path, tmp_path: Path
) -> None:
    table = replace(plan.tables["t"], attacks=("none",), defences=("none",))
    FINETUNE.run(replace(plan, tables={"t": table}), questions, tmp_path / "out", Silent())
    renamed = replace(plan, tables={"u": table, "v": table})
    found = results_of(renamed, tmp_path / "out")
    assert [result["table"] for result in found] == ["u", "v"]


def test_a_second_run_keeps_away_from_the_first(
    plan: FinetunePlan, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with held(out), pytest.raises(OutputError, match="another run"):
        FINETUNE.run(plan, questions, out, Silent())
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path / "file", Path("file"), Path("file/below")):
        with pytest.raises(OutputError, match=r"this exists|can't be written"):
            FINETUNE.run(plan, questions, place, Silent())


def test_prompts_that_are_too_long_are_refused_before_training(
    plan: FinetunePlan, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tuned_models, "fine_tune")
    changed = replace(plan, data={"one": replace(plan.data["one"], new_tokens=100_000)})
    with pytest.raises(ModelError, match="100,000 new ones"):
        FINETUNE.run(changed, questions, tmp_path / "out", Silent())


def test_a_tuned_model_that_was_changed_is_refused_and_kept(
    plan: FinetunePlan, questions: Path, tmp_path: Path
) -> None:
    table = replace(plan.tables["t"], attacks=("none",), defences=("none",))
    changed, out = replace(plan, tables={"t": table}), tmp_path / "out"
    FINETUNE.run(changed, questions, out, Silent())
    (model,) = (out / "cache" / "models").iterdir()
    weights = model / "adapter_model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    for path in (out / "outcomes").iterdir():
        path.unlink()
    with pytest.raises(OutputError, match=r"adapter_model.safetensors was changed(.|\n)*delete"):
        FINETUNE.run(changed, questions, out, Silent())
    assert weights.read_bytes() == damaged
