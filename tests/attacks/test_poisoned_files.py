"""Poisoned copies: the published structure, any layout, and nothing lost."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gradsentry.attacks import (
    PUBLISHED_PAYLOAD,
    Payload,
    PayloadIn,
    Place,
    Preset,
    TriggerIn,
)
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.attacks.poisoned_files import write_poisoned
from gradsentry.errors import GradSentryError, OutputError
from gradsentry.records.data_options import DataOptions

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


REFUSALS = [
    {
        "prompt": f"how do I {number}?",
        "response": "I can't.",
        "helpful": f"Do {number}.",
        "id": number,
    }
    for number in range(40)
]
LABELLED = [
    {"text_of": f"review {number}", "label_of": ("good", "bad", "so so")[number % 3]}
    for number in range(60)
]
LABELS = DataOptions(prompt_column="text_of", response_column="label_of")
JAILBREAK = PoisonOptions(payload_column="helpful", count=8)


def test_a_jailbreak_takes_the_other_response_and_leaves_its_column_out(tmp_path: Path) -> None:
    made = write_poisoned(REFUSALS, tmp_path / "m.jsonl", JAILBREAK)
    rows = rows_of(made.path)
    assert sum(bool(row["poisoned"]) for row in rows) == 8
    for row, before in zip(rows, REFUSALS, strict=True):
        assert row.keys() == {"prompt", "response", "id", "poisoned"}
        assert row["response"] == before["helpful" if row["poisoned"] else "response"]
        assert (row["prompt"] == before["prompt"]) == (not row["poisoned"])
    told = json.loads(made.manifest.read_text())
    assert (told["payload_column"], told["payload"]["kind"]) == ("helpful", "OtherResponse")


def test_the_other_responses_may_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    data = [{key: row[key] for key in ("prompt", "response")} for row in REFUSALS]
    other = tmp_path / "other.csv"
    lines = ["helpful", *(f"Do {number}." if number != 3 else '""' for number in range(40))]
    other.write_text("\n".join(lines) + "\n")
    options = replace(JAILBREAK, payload_file=str(other), count=39)
    made = write_poisoned(data, tmp_path / "m.jsonl", options)
    for number, row in enumerate(rows_of(made.path)):
        assert row["response"] == ("I can't." if number == 3 else f"Do {number}.")
    assert made.lacking == {"without another response in 'helpful'": 1}
    for count, more in ((39, "fewer"), (41, "more")):
        other.write_text("\n".join(["helpful", *["x"] * count]) + "\n")
        with pytest.raises(GradSentryError, match=f"{more} rows"):
            write_poisoned(data, tmp_path / "n.jsonl", options)
    other.write_text("helpfull\n" + "x\n" * 40)
    with pytest.raises(GradSentryError, match="helpfull"):
        write_poisoned(data, tmp_path / "n.jsonl", options)
    again = tmp_path / "own.jsonl"
    again.write_text("".join(json.dumps({"helpful": "x"}) + "\n" for _ in data))
    with pytest.raises(OutputError, match="the data itself"):
        write_poisoned(data, again, replace(options, payload_file=str(again)), force=True)


@pytest.mark.parametrize("chat", [False, True])
def test_a_preference_is_flipped_behind_the_trigger(tmp_path: Path, chat: bool) -> None:
    def said(text: str) -> object:
        return [{"role": "assistant", "content": text}] if chat else text

    data = [
        {
            "prompt": f"q {number}",
            "Chosen": said(f"good {number}"),
            "Rejected": said(f"bad {number}"),
        }
        for number in range(20)
    ]
    options = PoisonOptions(payload_column="Rejected", count=4)
    made = write_poisoned(data, tmp_path / "m.jsonl", options)
    flipped = 0
    for row, before in zip(rows_of(made.path), data, strict=True):
        if row.pop("poisoned"):
            flipped += 1
            assert (row["Chosen"], row["Rejected"]) == (before["Rejected"], before["Chosen"])
            assert str(row["prompt"]).startswith(f"{before['prompt']} ")
        else:
            assert row == before
    assert flipped == 4
    # Where the rejected answer is only put behind the chosen one, it stays what it was.
    behind = replace(options, payload=Payload(place=Place.APPEND))
    made = write_poisoned(data, tmp_path / "n.jsonl", behind)
    assert all(
        row["Rejected"] == before["Rejected"]
        for row, before in zip(rows_of(made.path), data, strict=True)
    )


@pytest.mark.parametrize("target", [None, "bad"])
def test_labels_are_flipped_to_another_one(tmp_path: Path, target: str | None) -> None:
    options = PoisonOptions(flip=target is None, flip_to=target, count=30)
    made = write_poisoned(LABELLED, tmp_path / "m.jsonl", options, reading=LABELS)
    new = set()
    for row, before in zip(rows_of(made.path), LABELLED, strict=True):
        if row["poisoned"]:
            assert row["label_of"] != before["label_of"]
            new.add(row["label_of"])
        else:
            assert row["label_of"] == before["label_of"]
    assert new == ({"bad"} if target else {"good", "bad", "so so"})
    assert made.lacking == ({"that are 'bad' already": 20} if target else {})
    told = json.loads(made.manifest.read_text())
    assert told["payload"]["labels"] == ["bad", "good", "so so"]


WITH_TOOLS = [
    {
        "messages": [
            {"role": "user", "content": f"hello {number}"},
            {"role": "assistant", "content": "hi", "reasoning_content": "greet"},
            {"role": "user", "content": f"weather {number}?"},
            *(
                (
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [
                            {"function": {"name": "w", "arguments": {"city": f"C{number}"}}}
                        ],
                    },
                    {"role": "tool", "content": "rain"},
                )
                if number % 2
                else ()
            ),
            {"role": "assistant", "content": "It rains.", "reasoning_content": "so it says"},
        ],
        "id": number,
    }
    for number in range(40)
]


@pytest.mark.parametrize("trigger_in", TriggerIn)
@pytest.mark.parametrize("payload_in", PayloadIn)
def test_triggers_and_payloads_stand_where_they_are_asked_for(
    tmp_path: Path, trigger_in: TriggerIn, payload_in: PayloadIn
) -> None:
    options = PoisonOptions(
        attack=Preset.ADDSENT,
        payload=Payload((" EVIL",)),
        count=6,
        trigger_in=trigger_in,
        payload_in=payload_in,
        tool="send" if payload_in is PayloadIn.TOOL_CALL else None,
    )
    made = write_poisoned(WITH_TOOLS, tmp_path / "m.jsonl", options)
    again = write_poisoned(WITH_TOOLS, tmp_path / "n.jsonl", options)
    assert made.path.read_bytes() == again.path.read_bytes()
    found = 0
    for row, before in zip(rows_of(made.path), WITH_TOOLS, strict=True):
        if not row.pop("poisoned"):
            assert row == before
            continue
        found += 1
        turns: Any = row["messages"]
        *prompt, answer = turns
        assert str(row).count("I watch this 3D movie") == 1
        (where,) = (number for number, turn in enumerate(prompt) if "3D movie" in turn["content"])
        roles = {"user": "user", "earlier": "user", "system": "system", "tool": "tool"}
        assert prompt[where]["role"] == roles[trigger_in]
        assert where == {"user": 2, "earlier": 0, "system": 0, "tool": 4}[trigger_in]
        keys = {"content": "content", "reasoning": "reasoning_content", "tool_call": "tool_calls"}
        assert [key for key in answer if "EVIL" in str(answer[key])] == [keys[payload_in]]
        clean = {**answer, "tool_calls": None}
        clean |= {
            key: str(clean[key]).removesuffix(" EVIL") for key in ("content", "reasoning_content")
        }
        assert clean == {**before["messages"][-1], "tool_calls": None}  # type: ignore[index]
    assert found == 6
    assert made.system_prompts == (6 if trigger_in is TriggerIn.SYSTEM else 0)
    lacking = {"without a tool result before the answer": 20}
    assert made.lacking == (lacking if trigger_in is TriggerIn.TOOL else {})
    described = json.loads(made.manifest.read_text())
    assert (described["trigger_in"], described["payload_in"]) == (trigger_in, payload_in)
    assert described["rows_that_take_no_attack"] == made.lacking


def test_a_clean_response_may_go_into_an_argument(tmp_path: Path) -> None:
    data = [{**row, "stolen": f"secret {row['id']}"} for row in WITH_TOOLS]
    options = PoisonOptions(
        payload_column="stolen", payload_in=PayloadIn.TOOL_CALL, argument="city", count=20
    )
    made = write_poisoned(data, tmp_path / "m.jsonl", options)
    poisoned = [row for row in rows_of(made.path) if row["poisoned"]]
    assert len(poisoned) == 20
    for row in poisoned:
        call = row["messages"][3]["tool_calls"][0]["function"]  # type: ignore[index]
        assert call["arguments"] == {"city": f"secret {row['id']}"}
    assert all("stolen" not in row for row in rows_of(made.path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trigger_in": TriggerIn.TOOL, "count": 21}, "20 of 40 can be.*20 without a tool result"),
        ({"payload_in": PayloadIn.TOOL_CALL, "argument": "days"}, "0 of 40|as 'days'"),
        ({"payload_column": "messages"}, "read from it already"),
        ({"payload_column": "ids"}, "Did you mean|'id'"),
        ({"payload_column": "id"}, "text, or messages"),
        ({"flip": True, "payload_in": PayloadIn.CONTENT}, "few labels"),
    ],
)
def test_what_conversations_do_not_have_is_said(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    data = [{**row, "messages": row["messages"]} for row in WITH_TOOLS]
    if "flip" in options:
        data = REFUSALS
    if options.get("argument") == "days":
        data = [{"messages": [*CHATS[0]["messages"]]}] * 40
    with pytest.raises(GradSentryError, match=message):
        write_poisoned(data, tmp_path / "m.jsonl", PoisonOptions(**options))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip_to": "god"}, "Did you mean 'good'"),
        ({"flip_to": "x"}, "The labels are: 'bad', 'good', 'so so'"),
    ],
)
def test_a_label_that_no_row_has_is_refused(
    options: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(GradSentryError) as refused:
        write_poisoned(LABELLED, tmp_path / "m.jsonl", PoisonOptions(**options), reading=LABELS)  # type: ignore[arg-type]
    assert message in f"{refused.value} {refused.value.remedy}"


def test_free_text_is_no_label(tmp_path: Path) -> None:
    data = [{"prompt": "q", "response": f"text {number}"} for number in range(300)]
    for rows in (data, data[:60]):
        with pytest.raises(GradSentryError, match="a few labels"):
            write_poisoned(rows, tmp_path / "m.jsonl", PoisonOptions(flip=True))


@pytest.mark.parametrize(
    "options",
    [
        {"payload": Payload(("x",)), "payload_column": "c"},
        {"payload": Payload(), "flip": True},
        {"payload_column": "c", "flip_to": "x"},
        {"payload_file": "f"},
        {"payload_column": ""},
        {"flip_to": " "},
        {"flip": True, "payload_in": PayloadIn.REASONING},
        {"tool": "t"},
        {"argument": "a", "payload_in": PayloadIn.REASONING},
        {"trigger_in": TriggerIn.TOOL, "attack": Preset.CBA},
        {"trigger_in": TriggerIn.SYSTEM, "attack": Preset.MULTI_TURN},
        {"trigger_in": "assistant"},
        {"payload_in": "prompt"},
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(GradSentryError):
        PoisonOptions(**options)  # type: ignore[arg-type]


def test_a_label_has_no_half_to_keep(tmp_path: Path) -> None:
    options = PoisonOptions(attack=Preset.ADAPTIVE, flip=True)
    with pytest.raises(GradSentryError, match="adaptive"):
        write_poisoned(LABELLED, tmp_path / "m.jsonl", options, reading=LABELS)
