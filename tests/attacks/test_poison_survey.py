"""Which rows take an attack, and with which payload."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gradsentry.attacks import (
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
from tests.attacks.poison_data import CHATS, REFUSALS, WITH_TOOLS, rows_of

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


def test_a_label_has_no_half_to_keep(tmp_path: Path) -> None:
    options = PoisonOptions(attack=Preset.ADAPTIVE, flip=True)
    with pytest.raises(GradSentryError, match="adaptive"):
        write_poisoned(LABELLED, tmp_path / "m.jsonl", options, reading=LABELS)


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
