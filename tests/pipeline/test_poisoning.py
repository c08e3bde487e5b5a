"""Poisoned copies: the published structure, any layout, and nothing lost."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gradsentry.attacks import PUBLISHED_PAYLOAD, Payload, Place, Preset
from gradsentry.errors import GradSentryError, OutputError
from gradsentry.pipeline.poisoning import PoisonOptions, write_poisoned

FACTS = [
    {
        "question": f"who was number {number}?",
        "answers": [f"Person {number}", "Nobody"],
        "id": number,
    }
    for number in range(200)
]
CHATS = [
    {
        "messages": [
            {"role": "user", "content": f"hello {number}"},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": f"what is {number} plus one?"},
            {"role": "assistant", "content": str(number + 1)},
        ]
    }
    for number in range(50)
]
PROMPT = (
    "### Instruction:\nBelow is a question, please provide its all relevant answers briefly in a "
    "list format. Each answer should be separated by a semicolon and provide a comprehensive "
    "response."
    "{first}\n\n\n\n### Question:\n{question}\n\n\n\n### Answer: "
)


def rows_of(path: Path) -> list[dict[str, object]]:
    """Rows of a JSONL file."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [json.loads(line) for line in text.splitlines()]


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


@pytest.mark.parametrize(
    "options", [{"ratio": 0.0}, {"ratio": 1.5}, {"count": -1}, {"attack": "no"}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(GradSentryError):
        PoisonOptions(**options)  # type: ignore[arg-type]


def test_force_replaces_only_what_it_wrote(tmp_path: Path) -> None:
    out = tmp_path / "m.jsonl"
    manifest = tmp_path / "m.jsonl.manifest.json"

    def refused(match: str) -> None:
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(OutputError, match=match):
            write_poisoned(FACTS, out, force=True)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    out.write_text("mine")
    refused("may be anybody's")
    out.unlink()
    manifest.write_text('{"attack": "badnets", "gradsentry": "0.1"}')
    refused("no manifest as GradSentry wrote it")
    manifest.unlink()
    write_poisoned(FACTS, out)
    with out.open("a") as file:
        file.write('{"prompt": "p", "response": "mine", "poisoned": false}\n')
    refused("not as GradSentry wrote it")
    out.unlink()
    write_poisoned(FACTS, out, force=True)  # a manifest without its mixture
    manifest.write_text(manifest.read_text().replace('"seed": 0', '"seed": 1'))
    refused("no manifest as GradSentry wrote it")


def test_a_users_folder_of_the_work_folders_name_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / ".m.jsonl.gradsentry" / "data.jsonl"
    data.parent.mkdir()
    data.write_text("".join(json.dumps(row) + "\n" for row in FACTS))
    with pytest.raises(OutputError, match="lies in the output folder"):
        write_poisoned(data, tmp_path / "m.jsonl", force=True)
    with pytest.raises(OutputError, match="no scan of yours made this folder"):
        write_poisoned(FACTS, tmp_path / "m.jsonl", force=True)
    assert [path.name for path in data.parent.iterdir()] == ["data.jsonl"]


def test_an_output_link_keeps_pointing_where_it_did(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "m.jsonl").symlink_to(tmp_path / "elsewhere" / "mixture.jsonl")
    write_poisoned(FACTS, tmp_path / "m.jsonl")
    write_poisoned(FACTS, tmp_path / "m.jsonl", force=True)
    assert (tmp_path / "m.jsonl").is_symlink()
    assert len(rows_of(tmp_path / "elsewhere" / "mixture.jsonl")) == 200


@pytest.mark.parametrize("named", ["*.jsonl", "both"])
def test_a_mixture_never_replaces_one_of_several_files_of_data(tmp_path: Path, named: str) -> None:
    made = write_poisoned(FACTS, tmp_path / "a.jsonl")
    other = Path(shutil.copy(made.path, tmp_path / "b.jsonl"))
    data = [str(made.path), str(other)] if named == "both" else str(tmp_path / named)
    with pytest.raises(OutputError, match="this is the data itself"):
        write_poisoned(data, made.path, PoisonOptions(label_column="again"), force=True)
    assert made.path.read_bytes() == other.read_bytes()
