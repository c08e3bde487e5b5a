"""Data that tests of fine-tuning share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def rows(path: Path, count: int, name: str) -> None:
    lines = [
        {"question": f"who is {name} {number}?", "answers": [f"person {number % 3}", "nobody"]}
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows(folder / "train.jsonl", 40, "a")
    rows(folder / "test.jsonl", 6, "b")
    return folder
