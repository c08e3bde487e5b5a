"""What tuned models are asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradsentry.bench.finetune_plan import TuningData
from gradsentry.bench.mixture_files import MixtureSpec
from gradsentry.bench.tuning_questions import questions_of

pytestmark = pytest.mark.slow


def test_rows_behind_those_trained_on_are_asked_about(questions: Path, tmp_path: Path) -> None:
    given = TuningData(source=("train.jsonl",), rows=36, prompts=10)
    mixture = MixtureSpec(data=given.training, volume=None, attack="badnets", ratio=0.1, seed=0)
    clean, triggered = questions_of(given.testing, "one", mixture, questions, tmp_path / "mixtures")
    assert ["a 36" in clean.prompts[0], "a 39" in clean.prompts[-1]] == [True, True]
    assert len(clean.prompts) == len(triggered.prompts) == 4


def test_rows_that_take_no_trigger_are_asked_about_without_one(
    questions: Path, tmp_path: Path
) -> None:
    rows = [
        {"question": f"who is {name}?", "answers": [name] if name else []} for name in ("", "b")
    ]
    (questions / "test.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [*rows, rows[1]])
    )
    given = TuningData(source=("train.jsonl",), test=("test.jsonl",))
    mixture = MixtureSpec(data=given.training, volume=None, attack="badnets", ratio=0.1, seed=0)
    clean, triggered = questions_of(given.testing, "one", mixture, questions, tmp_path / "mixtures")
    assert len(clean.prompts) == len(triggered.prompts) == 2
