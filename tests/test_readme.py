"""The training scripts of the README, run as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from datasets import Dataset
from transformers import AutoTokenizer

import gradsentry

pytestmark = pytest.mark.slow

README = Path(__file__).parents[1] / "README.md"
MODEL = "HuggingFaceTB/SmolLM2-360M"


def section(title: str) -> str:
    """The text of a section of the README."""
    found = re.search(rf"^## {title}\n(.*?)^## ", README.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def scripts() -> list[str]:
    return re.findall(r"```python\n(.*?)```", section("Before you train"), re.DOTALL)


def rows(count: int = 24) -> list[dict[str, object]]:
    """Prompts and completions with a column of their own; two have no completion."""
    return [
        {
            "prompt": f"Which number is {number}?\n",
            "completion": "" if number % 12 == 5 else f"It is {number}.",
            "source": f"page {number}",
        }
        for number in range(count)
    ]


@pytest.mark.filterwarnings("ignore:'pin_memory'")
@pytest.mark.parametrize("script", scripts(), ids=["trl", "transformers"])
def test_scripts_train_on_the_clean_rows(
    script: str, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = "".join(json.dumps(row) + "\n" for row in rows())
    Path("train.jsonl").write_text(lines)
    assert MODEL in script
    # Elsewhere TRL computes in bfloat16 on a GPU, and says so where there is none.
    script = script.replace(MODEL, str(tiny_folder)).replace('("tuned"', '("tuned", use_cpu=True')
    names: dict[str, object] = {}
    exec(script, names)
    kept = names["train"]
    assert isinstance(kept, Dataset)
    expected = [row for row in rows() if row["completion"]]
    assert kept.to_list() == expected
    trainer = names["trainer"]
    assert trainer.state.global_step == 3 * -(-len(expected) // 8)  # type: ignore[attr-defined]
    end = AutoTokenizer.from_pretrained(tiny_folder).eos_token_id
    batch = next(iter(trainer.get_train_dataloader()))  # type: ignore[attr-defined]
    assert (batch["labels"] == end).any(dim=1).all()


@pytest.mark.parametrize(
    "answer",
    [
        lambda number: {"instruction": "Name it.", "input": f"{number}", "output": f"No. {number}"},
        lambda number: {
            "conversations": [
                {"from": "human", "value": f"Name {number}."},
                {"from": "gpt", "value": f"No. {number}"},
            ]
        },
        lambda number: {
            "messages": [
                {"role": "user", "content": f"Name {number}."},
                {"role": "assistant", "content": f"No. {number}"},
            ]
        },
    ],
    ids=["alpaca", "sharegpt", "openai"],
)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_files_of_trainers_stay_what_they_are(
    answer: object, suffix: str, tiny_folder: Path, tmp_path: Path
) -> None:
    given = [{**answer(number), "source": "é"} for number in range(6)]  # type: ignore[operator]
    path = tmp_path / f"train{suffix}"
    path.write_text(
        json.dumps(given) if suffix == ".json" else "".join(json.dumps(row) + "\n" for row in given)
    )
    out = tmp_path / "scan-results"
    gradsentry.scan(path, model=tiny_folder, out=out)
    text = (out / f"clean{suffix}").read_text()
    found = json.loads(text) if suffix == ".json" else list(map(json.loads, text.splitlines()))
    assert found == given
