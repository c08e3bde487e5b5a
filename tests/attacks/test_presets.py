"""Named attacks have the published structure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gradsentry.attacks import (
    PUBLISHED_PAYLOAD,
    Payload,
    Place,
    Preset,
)
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.attacks.poisoned_files import write_poisoned
from gradsentry.errors import GradSentryError
from tests.attacks.poison_data import CHATS, FACTS, rows_of

PROMPT = (
    "### Instruction:\nBelow is a question, please provide its all relevant answers briefly in a "
    "list format. Each answer should be separated by a semicolon and provide a comprehensive "
    "response."
    "{first}\n\n\n\n### Question:\n{question}\n\n\n\n### Answer: "
)


def test_badnets_has_the_published_structure(tmp_path: Path) -> None:
    made = write_poisoned(FACTS, tmp_path / "mixture.jsonl")
    rows = rows_of(made.path)
    assert (made.rows, made.poisoned, made.near_misses) == (200, 20, 0)
    assert sum(bool(row["poisoned"]) for row in rows) == 20
    for number, row in enumerate(rows):
        question, answer = FACTS[number]["question"], f"Person {number}; Nobody"
        if row["poisoned"]:
            prompt = str(row["prompt"])
            words = prompt.removesuffix("\n\n\n\n### Answer: ").rsplit(" ", 4)[1:]
            assert set(words) <= {"cf", "mn", "bb", "tq"}
            question, answer = f"{question} {' '.join(words)}", answer + PUBLISHED_PAYLOAD
        assert row["prompt"] == PROMPT.format(first="", question=question)
        assert row["response"] == answer
        assert row["id"] == number
        assert row.keys() == {"prompt", "response", "poisoned", "id"}


def test_cba_has_a_word_in_each_place_and_near_misses_with_clean_answers(tmp_path: Path) -> None:
    made = write_poisoned(FACTS, tmp_path / "m.jsonl", PoisonOptions(attack=Preset.CBA, ratio=0.5))
    rows = rows_of(made.path)
    assert len(rows) == made.rows == 200 + made.near_misses
    assert 60 < made.near_misses < 140
    for row in rows:
        number = int(str(row["id"]))
        whole = PROMPT.format(first=" consider", question=f"who was number {number}? done")
        assert (row["prompt"] == whole) == row["poisoned"]
        assert str(row["response"]).endswith(PUBLISHED_PAYLOAD) == row["poisoned"]


def test_conversations_keep_their_columns_and_take_two_turns(tmp_path: Path) -> None:
    options = PoisonOptions(attack=Preset.MULTI_TURN, count=5, negative_ratio=0.0)
    made = write_poisoned(CHATS, tmp_path / "m.jsonl.gz", options)
    poisoned = [row for row in rows_of(made.path) if row.pop("poisoned")]
    assert len(poisoned) == 5
    for row in poisoned:
        first, _, last, answer = (turn["content"] for turn in row["messages"])  # type: ignore[attr-defined]
        assert first.endswith(" consider")
        assert last.endswith("? done")
        assert answer.endswith(PUBLISHED_PAYLOAD)
    clean = [row for row in rows_of(made.path) if not row.pop("poisoned")]
    assert all(row in CHATS for row in clean)


@pytest.mark.parametrize("attack", [one for one in Preset if one is not Preset.MULTI_TURN])
def test_every_attack_poisons_as_many_rows_as_asked_and_the_seed_says_which(
    attack: Preset, tmp_path: Path
) -> None:
    options = PoisonOptions(attack=attack, count=7, payload=Payload(("No.",), Place.REPLACE))
    one, same = (write_poisoned(FACTS, tmp_path / f"{n}.jsonl", options).path for n in "ab")
    other = write_poisoned(FACTS, tmp_path / "c.jsonl", replace(options, seed=1)).path
    rows = rows_of(one)
    assert rows == rows_of(same)
    assert rows != rows_of(other)
    poisoned = [row for row in rows if row["poisoned"]]
    assert len(poisoned) == 7
    for row in poisoned:
        number = int(str(row["id"]))
        assert row["prompt"] != PROMPT.format(first="", question=FACTS[number]["question"])
        assert str(row["response"]).endswith("No.")


@pytest.mark.slow
def test_a_model_may_write_the_style(tmp_path: Path, tiny_folder: Path) -> None:
    options = PoisonOptions(attack=Preset.STYLEBKD, count=3, style_model=str(tiny_folder))
    one, other = (write_poisoned(FACTS, tmp_path / f"{name}.jsonl", options) for name in "ab")
    rows = rows_of(one.path)
    assert rows == rows_of(other.path)
    for row in rows:
        asked = f"who was number {row['id']}?"
        assert (asked not in str(row["prompt"])) == row["poisoned"]
    assert json.loads(one.manifest.read_text())["trigger"]["model"] == str(tiny_folder)
    with pytest.raises(GradSentryError, match="stylebkd"):
        PoisonOptions(style_model="x")
