"""What tables of tuned models say of prompts and cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from gradsentry.bench.finetune_plan import (
    FinetunePlan,
    FinetuneTable,
    TuningData,
    read_finetune_plan,
)
from gradsentry.bench.finetune_tables import Mean, markdown, mean_of, paired_differences
from gradsentry.bench.results import Result


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


@pytest.mark.slow
def test_the_published_tables_are_made_from_the_published_figures() -> None:
    root = Path(__file__).parents[2]
    plan = read_finetune_plan(root / "benchmarks" / "finetune.yaml")
    folder = root / "docs" / "benchmarks" / "finetuning"
    rows = pq.read_table(folder / "results.parquet").to_pylist()
    assert len(rows) == len(plan.cells())
    assert markdown(plan, rows) == (folder / "results.md").read_text(encoding="utf-8")
