"""Plans of fine-tuning, and the names of their cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gradsentry.bench.finetune_plan import (
    FinetunePlan,
    FinetuneTable,
    TuningData,
    read_finetune_plan,
)
from gradsentry.errors import GradSentryError


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


def test_other_questions_are_other_cells() -> None:
    one = TuningData(source=("a",), test=("b",))
    plan = FinetunePlan(data={"one": one}, tables={"t": FinetuneTable(data=("one",))})
    names = {
        replace(plan, data={"one": changed}).cells()[0].file_name
        for changed in (one, replace(one, prompts=6), replace(one, new_tokens=5))
    }
    assert len(names) == 3


def test_tables_that_have_the_same_cell_share_its_file() -> None:
    table = FinetuneTable(data=("one",), attacks=("none",), ratios=(0.1, 0.5), defences=("none",))
    plan = FinetunePlan(
        data={"one": TuningData(source=("a",), test=("b",))}, tables={"t": table, "u": table}
    )
    one, other = plan.cells()  # clean rows have no ratio
    assert (one.table, other.table) == ("t", "u")
    assert one.file_name == other.file_name
