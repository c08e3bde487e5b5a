"""A fine-tuning benchmark of a tiny model, from plan to tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from gradsentry.bench import finetune_cells as finetune_module
from gradsentry.bench import read_finetune_plan, run_finetuning, tuned_models, tuned_results
from gradsentry.bench.finetune_cells import cell_path
from gradsentry.bench.finetune_plan import FinetunePlan, FinetuneTable, TuningData
from gradsentry.bench.finetune_plots import write_tuned_plots
from gradsentry.bench.finetune_tables import (
    Mean,
    markdown,
    mean_of,
    paired_differences,
    write_tables,
)
from gradsentry.bench.folder import held
from gradsentry.bench.mixture_files import MixtureSpec
from gradsentry.bench.results import Result
from gradsentry.bench.tuning_questions import questions_of
from gradsentry.errors import GradSentryError, ModelError, OutputError
from gradsentry.work.progress import Silent

pytestmark = pytest.mark.slow


def rows(path: Path, count: int, name: str) -> None:
    lines = [
        {"question": f"who is {name} {number}?", "answers": [f"person {number % 3}", "nobody"]}
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows(folder / "train.jsonl", 40, "a")
    rows(folder / "test.jsonl", 6, "b")
    return folder


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
    return read_finetune_plan(path)


def test_all_cells_are_run_once_and_equal_rows_share_an_outcome(
    plan: FinetunePlan, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    trained: list[int] = []
    original = tuned_models.fine_tune

    def counted(base, pairs, *others):  # type: ignore[no-untyped-def]
        trained.append(len(pairs))
        return original(base, pairs, *others)

    monkeypatch.setattr(tuned_models, "fine_tune", counted)
    run_finetuning(plan, data, out, Silent())
    results = tuned_results(plan, out)
    assert len(results) == 6
    clean = [result for result in results if result["attack"] == "none"]
    assert clean[0]["tuned"] == clean[1]["tuned"]  # nothing to leave out
    attacked = {result["defence"]: result for result in results if result["attack"] == "badnets"}
    assert attacked["none"]["poisoned_left"] == 4
    assert attacked["oracle"]["poisoned_left"] == 0
    assert attacked["oracle"]["trained_on"] == 36
    assert len(attacked["none"]["attack_success"]) == len(attacked["none"]["accuracy"]) == 5
    assert len(trained) == len({result["tuned"] for result in results})

    run_finetuning(plan, data, out, Silent())
    assert len(trained) == len({result["tuned"] for result in results})


def test_defences_at_decoding_share_the_undefended_model(
    plan: FinetunePlan, data: Path, tmp_path: Path
) -> None:
    defences = ("none", "onion", "cleangen", "cube")
    table = replace(plan.tables["t"], attacks=("badnets",), defences=defences)
    out = tmp_path / "out"
    changed = replace(plan, tables={"t": table})
    run_finetuning(changed, data, out, Silent())
    results = {result["defence"]: result for result in tuned_results(changed, out)}
    assert list(results) == list(defences)
    assert results["onion"]["trained_on"] == results["cleangen"]["trained_on"] == 40
    assert results["cleangen"]["clean"] != results["none"]["clean"]
    models = list((out / "cache" / "models").iterdir())
    assert len(models) == 1 + (results["cube"]["trained_on"] < 40)


def test_few_weights_of_full_tuning_are_kept(
    plan: FinetunePlan, data: Path, tmp_path: Path
) -> None:
    tuning = replace(plan.tables["t"].tuning, method="full")
    seeds = (0, 1, 2)
    table = replace(
        plan.tables["t"], attacks=("none",), defences=("none",), tuning=tuning, seeds=seeds
    )
    changed = replace(plan, tables={"t": table})
    run_finetuning(changed, data, tmp_path / "out", Silent())
    found = tuned_results(changed, tmp_path / "out")
    kept = {folder.name for folder in (tmp_path / "out" / "cache" / "models").iterdir()}
    assert kept == {found[-1]["tuned"]}


def test_other_questions_are_other_cells(plan: FinetunePlan, tmp_path: Path) -> None:
    one = plan.data["one"]
    paths = {
        cell_path(tmp_path, replace(plan, data={"one": changed}).cells()[0])
        for changed in (one, replace(one, prompts=6), replace(one, new_tokens=5))
    }
    assert len(paths) == 3


def test_rows_without_a_response_are_in_no_defence(
    plan: FinetunePlan, data: Path, tmp_path: Path
) -> None:
    lines = (data / "train.jsonl").read_text().splitlines()
    lines[7] = json.dumps({"question": "who?", "answers": [""]})
    (data / "train.jsonl").write_text("\n".join(lines) + "\n")
    table = replace(plan.tables["t"], attacks=("none",))
    changed = replace(plan, tables={"t": table})
    run_finetuning(changed, data, tmp_path / "out", Silent())
    results = tuned_results(changed, tmp_path / "out")
    assert {result["trained_on"] for result in results} == {39}
    assert len({result["tuned"] for result in results}) == 1


def test_tables_tell_all_cells(plan: FinetunePlan, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_finetuning(plan, data, out, Silent())
    results = tuned_results(plan, out)
    write_tables(plan, results, out)
    tidy = pq.read_table(out / "results.parquet").to_pylist()
    assert [row["defence"] for row in tidy] == [result["defence"] for result in results]
    for row, result in zip(tidy, results, strict=True):
        rates = np.array(result["accuracy"])
        assert row["accuracy_emr"] == np.mean(rates == 1.0)
        assert row["accuracy_kmr"] == pytest.approx(rates.mean())
    text = markdown(plan, results)
    assert text.count("\n| one (") == 6
    assert "against the oracle" in text
    (figure,) = write_tuned_plots(results, out)
    assert figure == out / "plots" / "t.png"
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_run_goes_on_and_gives_the_same(
    plan: FinetunePlan, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run_finetuning(plan, data, whole, Silent())
    original = finetune_module.generate
    calls = 0

    def failing(*arguments, **options):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(finetune_module, "generate", failing)
    with pytest.raises(KeyboardInterrupt):
        run_finetuning(plan, data, broken, Silent())
    assert 0 < len(tuned_results(plan, broken)) < 6
    run_finetuning(plan, data, broken, Silent())
    assert tuned_results(plan, broken) == tuned_results(plan, whole)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"one": {"source": "a.jsonl"}}},
        {"data": {"one": {"source": "a.jsonl", "rows": -1}}},
        {"data": {"one": {"source": "a", "test": "b", "prompts": 0}}},
        {"tables": {"t": {"data": "two"}}},
        {"tables": {"t": {"data": "one", "defences": ["hope"]}}},
        {"tables": {"t": {"data": "one", "defences": [["none"]]}}},
        {"tables": {"t": {"data": "one", "tuning": {"method": "half"}}}},
        {"tables": {"t": {"data": "one", "tuning": {"speed": 3}}}},
        {"tables": {"t": {"data": "one", "tuning": {"epochs": 1.5}}}},
        {"tables": {"t": {"data": "one", "tuning": {"learning_rate": "5e-3"}}}},
        {"tables": {"t": {"data": "one", "tuning": {"seed": 1}}}},
        {"tables": {"t": {"data": "one", "ratios": [1.5]}}},
        {"tables": {"t": {"data": "one", "attacks": ["worse"]}}},
        {"tables": {"t": {"data": "one", "attacks": []}}},
        {"tables": {"t": {"data": "one", "defences": []}}},
        {"tables": {"t": {"data": "one", "tuning": {"optimizer": "adamw"}}}},
    ],
)
def test_plans_that_make_no_sense_are_refused(changes: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    content = {"data": {"one": {"source": "a", "test": "b"}}, "tables": {"t": {"data": "one"}}}
    path.write_text(yaml.safe_dump(content | changes))
    with pytest.raises(GradSentryError):
        read_finetune_plan(path)


def test_rows_behind_those_trained_on_are_asked_about(data: Path, tmp_path: Path) -> None:
    given = TuningData(source=("train.jsonl",), rows=36, prompts=10)
    mixture = MixtureSpec(data=given.training, volume=None, attack="badnets", ratio=0.1, seed=0)
    clean, triggered = questions_of(given.testing, "one", mixture, data, tmp_path / "mixtures")
    assert ["a 36" in clean.prompts[0], "a 39" in clean.prompts[-1]] == [True, True]
    assert len(clean.prompts) == len(triggered.prompts) == 4


def test_rows_that_take_no_trigger_are_asked_about_without_one(data: Path, tmp_path: Path) -> None:
    rows = [
        {"question": f"who is {name}?", "answers": [name] if name else []} for name in ("", "b")
    ]
    (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[1]]))
    given = TuningData(source=("train.jsonl",), test=("test.jsonl",))
    mixture = MixtureSpec(data=given.training, volume=None, attack="badnets", ratio=0.1, seed=0)
    clean, triggered = questions_of(given.testing, "one", mixture, data, tmp_path / "mixtures")
    assert len(clean.prompts) == len(triggered.prompts) == 2


def test_the_interval_holds_the_mean() -> None:
    drawn = np.random.default_rng(0).random(300) < 0.3
    found = mean_of(drawn)
    assert found is not None
    assert found.low < found.value == drawn.mean() < found.high
    expected = 2 * 1.96 * np.sqrt(0.3 * 0.7 / 300)
    assert found.high - found.low == pytest.approx(expected, rel=0.2)
    assert mean_of(np.ones(4)) == Mean(1.0, 1.0, 1.0)
    assert mean_of(np.empty(0)) is None
    apart = mean_of(drawn, np.ones(300))  # what samples differ by is in no interval
    assert apart is not None
    assert apart.value == (found.value + 1) / 2
    assert apart.high - apart.low == pytest.approx(expected / 2, rel=0.2)
    with_one = mean_of(drawn, np.zeros(1))
    assert with_one is not None
    assert with_one.low < with_one.value == drawn.sum() / 301 < with_one.high


def _plan_of(*tables: str, data: Sequence[str] = ("a",)) -> FinetunePlan:
    asked = TuningData(source=("train.jsonl",), test=("test.jsonl",))
    table = FinetuneTable(data=tuple(data))
    return FinetunePlan(data=dict.fromkeys(data, asked), tables=dict.fromkeys(tables, table))


def test_a_prompt_counts_once_however_many_cells_ask_it() -> None:
    plan = _plan_of(data=["a", "b"])  # b are more rows to train on, and the same to ask about
    one = {"data": "a", "accuracy": [1.0, 0.5, 1.0]}
    other = {"data": "a", "accuracy": [1.0, 1.0, 0.0]}
    (found,) = paired_differences(plan, [(one, other), (other, one)])
    assert found.tolist() == [0.0, 0.0, 0.0]
    (found,) = paired_differences(plan, [(one, other)])
    assert found.tolist() == [0.0, -1.0, 1.0]
    (found,) = paired_differences(
        plan, [(one, other), (other | {"data": "b"}, one | {"data": "b"})]
    )
    assert found.tolist() == [0.0, 0.0, 0.0]


def test_a_cell_of_two_tables_is_held_against_its_oracle_once_over_all() -> None:
    plan = _plan_of("lora", "full", "defences")

    def cells(table: str, method: str, accuracy: list[float]) -> list[Result]:
        shared = {
            "table": table,
            "model": None,
            "data": "a",
            "attack": "badnets",
            "ratio": 0.1,
            "method": method,
            "seed": 0,
            "trained_on": 9,
            "poisoned_left": 0,
            "attack_success": [0.0, 0.0],
            "untriggered": [0.0, 0.0],
            "triggered": "asked",
        }
        own = {"tuned": method, "clean": f"asked {method}", "accuracy": accuracy}
        oracles = {"tuned": f"{method} oracle", "clean": "asked oracle's", "accuracy": [1.0, 1.0]}
        return [shared | oracles | {"defence": "oracle"}, shared | own | {"defence": "transfer"}]

    lora = [*cells("lora", "lora", [0.0, 0.0]), *cells("defences", "lora", [0.0, 0.0])]
    shown = markdown(plan, [*lora, *cells("full", "full", [1.0, 1.0])])
    assert shown.count("| transfer | 1 | 0 | 1 | 100.0 |") == 3
    over_all = shown.split("## All tables")[1]
    assert "| transfer | 2 | 0 | 2 | 100.0 | -50.00 (-50.00 to -50.00) |" in over_all
    assert "All tables" not in markdown(plan, lora[:2])


def test_the_oracles_level_is_of_the_prompts_that_the_difference_is_of() -> None:
    asked = TuningData(source=("train.jsonl",), test=("test.jsonl",))
    plan = replace(
        _plan_of("t", data=["a", "b"]), data={"a": asked, "b": replace(asked, prompts=3)}
    )
    shared = {"table": "t", "model": None, "ratio": 0.1, "method": "lora", "seed": 0}
    shared |= {"trained_on": 9, "poisoned_left": 0, "attack_success": [0.0], "untriggered": [0.0]}
    cells: list[Result] = []
    for data, attack, accuracy in (("a", "x", 1.0), ("a", "y", 1.0), ("b", "x", 0.0)):
        own = shared | {"data": data, "attack": attack, "accuracy": [accuracy] * 2}
        own |= {"tuned": f"{data} {attack}"}
        cells += [own | {"defence": "oracle"}, own | {"defence": "transfer"}]
    # Half of the prompts are a's, however many cells ask them.
    assert "| transfer | 3 | 3 | 3 | 50.0 |" in markdown(plan, cells)


def test_tables_that_have_the_same_cell_share_its_result(
    plan: FinetunePlan, data: Path, tmp_path: Path
) -> None:
    table = replace(plan.tables["t"], attacks=("none",), defences=("none",))
    run_finetuning(replace(plan, tables={"t": table}), data, tmp_path / "out", Silent())
    renamed = replace(plan, tables={"u": table, "v": table})
    found = tuned_results(renamed, tmp_path / "out")
    assert [result["table"] for result in found] == ["u", "v"]


def test_a_second_run_keeps_away_from_the_first(
    plan: FinetunePlan, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with held(out), pytest.raises(OutputError, match="another run"):
        run_finetuning(plan, data, out, Silent())
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path / "file", Path("file"), Path("file/below")):
        with pytest.raises(OutputError, match=r"this exists|can't be written"):
            run_finetuning(plan, data, place, Silent())


def test_prompts_that_are_too_long_are_refused_before_training(
    plan: FinetunePlan, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tuned_models, "fine_tune")
    changed = replace(plan, data={"one": replace(plan.data["one"], new_tokens=100_000)})
    with pytest.raises(ModelError, match="100,000 new ones"):
        run_finetuning(changed, data, tmp_path / "out", Silent())


def test_a_tuned_model_that_was_changed_is_refused_and_kept(
    plan: FinetunePlan, data: Path, tmp_path: Path
) -> None:
    table = replace(plan.tables["t"], attacks=("none",), defences=("none",))
    changed, out = replace(plan, tables={"t": table}), tmp_path / "out"
    run_finetuning(changed, data, out, Silent())
    (model,) = (out / "cache" / "models").iterdir()
    weights = model / "adapter_model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    for path in (out / "outcomes").iterdir():
        path.unlink()
    with pytest.raises(OutputError, match=r"adapter_model.safetensors was changed(.|\n)*delete"):
        run_finetuning(changed, data, out, Silent())
    assert weights.read_bytes() == damaged
