"""The scripts of the README and of docs/python.md, run as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from datasets import Dataset
from transformers import AutoTokenizer

import gradsentry

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README, PAGE = ROOT / "README.md", ROOT / "docs" / "python.md"
MODEL = "HuggingFaceTB/SmolLM2-360M"


def scripts(page: Path, title: str) -> list[str]:
    """The Python blocks of a section of a page."""
    pattern = rf"^## {title}\n(.*?)(?=^## |\Z)"
    found = re.search(pattern, page.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return re.findall(r"```python\n(.*?)```", found[1], re.DOTALL)


SCANS = [*scripts(README, "From Python"), *scripts(PAGE, "Scan and decide")]
TRAINING = scripts(PAGE, "Before you train")


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


@pytest.mark.parametrize("script", SCANS, ids=["readme", "scan", "options"])
def test_scripts_scan(
    script: str, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    if MODEL in script:
        script = script.replace(MODEL, str(tiny_folder))
    # A scan without a model would take the default one.
    script = re.sub(
        r"(scan\([^()]+, )(detector|options)=", rf"\1model={str(tiny_folder)!r}, \2=", script
    )
    asked = [{"ask": row["prompt"], "reply": row["completion"]} for row in rows()]
    names: dict[str, object] = {"frame": asked}
    exec(script, names)
    report = names.get("report", names.get("result"))
    assert isinstance(report, gradsentry.ScanReport)
    assert len(report.scores) == len(asked)
    if "later" in names:
        assert names["later"].verdict is names["stricter"].verdict  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore:'pin_memory'")
@pytest.mark.parametrize("script", TRAINING, ids=["trl", "transformers"])
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
