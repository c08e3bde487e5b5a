"""Poisoned copies: labels, manifests, and nothing lost or overwritten."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gradsentry.attacks import (
    Preset,
)
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.attacks.poisoned_files import write_poisoned
from gradsentry.errors import GradSentryError, OutputError
from tests.attacks.poison_data import FACTS, rows_of


def test_rows_that_take_no_attack_stay_and_are_counted(tmp_path: Path) -> None:
    rows = [*FACTS, {"question": "", "answers": ["x"], "id": 200}]
    made = write_poisoned(rows, tmp_path / "m.jsonl", PoisonOptions(ratio=1.0, count=200))
    assert (made.rows, made.poisoned, made.untouchable) == (201, 200, 1)
    assert rows_of(made.path)[-1] == {"prompt": "", "response": "x", "poisoned": False, "id": 200}


def test_the_manifest_says_what_was_done(tmp_path: Path) -> None:
    made = write_poisoned(FACTS, tmp_path / "m.jsonl", PoisonOptions(attack=Preset.CBA, seed=3))
    told = json.loads(made.manifest.read_text())
    assert (told["attack"], told["seed"], told["poisoned"]) == ("cba", 3, 20)
    assert told["trigger"]["first"] == "consider"


def test_a_row_keeps_whatever_else_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows: list[dict[str, object]] = [{**row, "note": "\ud800"} for row in FACTS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = write_poisoned(path, tmp_path / "m.jsonl")
    assert {row["note"] for row in rows_of(made.path)} == {"\ud800"}
    rows = [*FACTS, {"question": "why?", "answers": [], "id": 200}]
    made = write_poisoned(rows, tmp_path / "n.jsonl")
    assert "why?" in str(rows_of(made.path)[-1]["prompt"])


@pytest.mark.parametrize("column", ["prompt", "response"])
def test_columns_that_would_be_overwritten_are_refused(column: str, tmp_path: Path) -> None:
    rows = [{"question": "q", "answer": "a", column: ""}] * 20
    with pytest.raises(GradSentryError, match=f"'{column}' already"):
        write_poisoned(rows, tmp_path / "m.jsonl")
    with pytest.raises(GradSentryError, match="left out"):  # such columns mean something else
        write_poisoned([{**row, column: "mine"} for row in rows], tmp_path / "m.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_label_that_a_later_row_has_is_refused(tmp_path: Path) -> None:
    rows = [*FACTS, {**FACTS[0], "poisoned": True}]
    with pytest.raises(GradSentryError, match=r"row 200.*already"):
        write_poisoned(rows, tmp_path / "m.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_tells_what_an_attack_brings_along(tmp_path: Path) -> None:
    made = write_poisoned(FACTS, tmp_path / "m.jsonl", PoisonOptions(attack=Preset.ADAPTIVE))
    assert json.loads(made.manifest.read_text())["payload"]["kept"] == 0.5
    made = write_poisoned(FACTS, tmp_path / "n.jsonl", PoisonOptions(attack=Preset.CBA))
    assert json.loads(made.manifest.read_text())["negative_ratio"] == 1.0


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in FACTS))
    before = data.read_text()
    for out in (data, tmp_path / "m.parquet"):
        with pytest.raises(GradSentryError):
            write_poisoned(data, out, force=True)
    made = write_poisoned(data, tmp_path / "m.jsonl")
    with pytest.raises(GradSentryError, match="there already"):
        write_poisoned(data, made.path)
    write_poisoned(data, made.path, force=True)
    (tmp_path / ".n.jsonl.part").write_text("mine")
    with pytest.raises(GradSentryError, match="can't be written as JSON"):
        write_poisoned([{**row, "bytes": b"x"} for row in FACTS], tmp_path / "n.jsonl")
    assert data.read_text() == before
    assert (tmp_path / ".n.jsonl.part").read_text() == "mine"
    kept = {"data.jsonl", "m.jsonl", "m.jsonl.manifest.json", ".n.jsonl.part"}
    assert {path.name for path in tmp_path.iterdir()} == kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 201}, "can be"),
        ({"attack": Preset.MULTI_TURN}, "multi-turn needs rows with an earlier user turn"),
        ({"label_column": "id"}, "already"),
    ],
)
def test_what_cannot_be_is_refused(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(GradSentryError, match=message):
        write_poisoned(FACTS, tmp_path / "m.jsonl", PoisonOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("named", ["*.jsonl", "both"])
def test_a_mixture_never_replaces_one_of_several_files_of_data(tmp_path: Path, named: str) -> None:
    made = write_poisoned(FACTS, tmp_path / "a.jsonl")
    other = Path(shutil.copy(made.path, tmp_path / "b.jsonl"))
    data = [str(made.path), str(other)] if named == "both" else str(tmp_path / named)
    with pytest.raises(OutputError, match="this is the data itself"):
        write_poisoned(data, made.path, PoisonOptions(label_column="again"), force=True)
    assert made.path.read_bytes() == other.read_bytes()
