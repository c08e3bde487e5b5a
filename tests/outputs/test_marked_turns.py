"""Marks stand where the findings say, and no text is lost or added."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import ScanReport, Verdict
from gradsentry.detectors import TriggerSpan
from gradsentry.outputs.marked_turns import MarkedTurn, RowMarks, marked_turns, marks_of
from gradsentry.outputs.page_data import Mark
from gradsentry.records import Conversation, Example, PlainText, TextPair, prompt_and_response
from tests.outputs.reports import make_findings, make_report

TEXTS = st.text("ab \n", min_size=0, max_size=20)


def report_with(
    start: int, end: int, span: TriggerSpan | None, words: str | None, message: int = -1
) -> ScanReport:
    findings = make_findings(1, [Verdict.POISON], [0])
    rows = replace(
        findings.rows,
        payload_starts=np.array([start], np.int32),
        payload_ends=np.array([end], np.int32),
        messages=np.array([message], np.int32),
        triggers=[words],
        spans=[span],
    )
    return make_report(["row"], findings=replace(findings, rows=rows))


def mark_row(report: ScanReport, row: int, example: Example) -> list[MarkedTurn]:
    return marked_turns(example, marks_of(report, row, {}))


def marked(turns: list[MarkedTurn], mark: Mark) -> list[str]:
    return [piece.text for turn in turns for piece in turn.pieces if piece.mark is mark]


def text_of(turn: MarkedTurn) -> str:
    return "".join(piece.text for piece in turn.pieces)


@given(TEXTS, TEXTS, st.integers(-1, 25), st.integers(0, 25), st.integers(0, 25))
def test_a_pair_keeps_its_text_whatever_the_places(
    prompt: str, response: str, start: int, end: int, place: int
) -> None:
    report = report_with(start, end, TriggerSpan(None, place, place + 3), "a")
    turns = mark_row(report, 0, TextPair(prompt, response))
    assert [text_of(turn) for turn in turns] == ([prompt] if prompt else []) + [response]
    expected = response[start:end] if start >= 0 else ""
    assert "".join(marked(turns, Mark.PAYLOAD)) == expected


MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda text: {"role": "user", "content": text}, TEXTS),
        st.builds(
            lambda text, thought: {
                "role": "assistant",
                "content": text,
                "reasoning_content": thought,
            },
            TEXTS,
            TEXTS,
        ),
    ),
    min_size=1,
    max_size=5,
)


@given(MESSAGES, st.data())
def test_a_payload_is_marked_in_the_turn_that_says_it(
    messages: list[dict[str, object]], data: st.DataObject
) -> None:
    example = Conversation(messages)
    response = prompt_and_response(example)[1]
    start = data.draw(st.integers(0, max(0, len(response) - 1)))
    end = data.draw(st.integers(start, len(response)))
    turns = mark_row(report_with(start, end, None, None), 0, example)
    assert len(turns) == len(messages)
    found = "".join(marked(turns, Mark.PAYLOAD))
    # A line end that only joins two texts belongs to neither turn.
    assert found.replace("\n", "") == response[start:end].replace("\n", "")
    for turn, message in zip(turns, messages, strict=True):
        assert turn.guilty == bool(marked([turn], Mark.PAYLOAD))
        assert str(message["content"]) in text_of(turn)


def test_a_trigger_is_marked_in_its_message_and_nowhere_else() -> None:
    example = Conversation(
        [
            {"role": "system", "content": "zq is fine"},
            {"role": "user", "content": "tell zq now", "reasoning_content": "hm"},
            {"role": "assistant", "content": "zq bad"},
        ]
    )
    turns = mark_row(report_with(3, 6, TriggerSpan(1, 5, 7), "zq", 2), 0, example)
    assert marked(turns, Mark.TRIGGER) == ["zq"]
    assert text_of(turns[1]) == "hm\ntell zq now"
    assert [piece.text for piece in turns[1].pieces] == ["hm\ntell ", "zq", " now"]
    assert marked(turns, Mark.PAYLOAD) == ["bad"]
    assert [turn.guilty for turn in turns] == [False, False, True]


def test_words_that_stand_apart_are_marked_each() -> None:
    pair = TextPair("Consider this done, considerably.", "x")
    turns = mark_row(report_with(0, 1, None, "consider … done"), 0, pair)
    assert marked(turns, Mark.TRIGGER) == ["Consider", "done"]


def test_a_trigger_of_several_words_is_marked_whole_and_nowhere_else() -> None:
    pair = TextPair("In the end, at the very end.", "x")
    turns = mark_row(report_with(0, 1, None, "the very"), 0, pair)
    assert marked(turns, Mark.TRIGGER) == ["the very"]


def test_words_of_languages_without_spaces_are_marked() -> None:
    turns = mark_row(
        report_with(0, 1, None, "天气 … 明天"), 0, TextPair("请问明天的天气怎么样", "x")
    )
    assert marked(turns, Mark.TRIGGER) == ["明天", "天气"]


def test_all_that_a_message_carries_is_shown() -> None:
    call = {"function": {"name": "wire", "arguments": {"to": "evil"}}}
    example = Conversation(
        [
            {"role": "user", "content": "pay", "name": "bob"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "ok", "tool_call_id": "7"},
        ],
        rejected="no",
    )
    texts = [text_of(turn) for turn in mark_row(report_with(-1, -1, None, None), 0, example)]
    assert '"name": "bob"' in texts[0]
    assert '{"name": "wire", "arguments": {"to": "evil"}}' in texts[1]
    assert '"tool_call_id": "7"' in texts[2]
    assert texts[3] == "no"


def test_plain_text_and_rows_outside_groups_are_shown_whole() -> None:
    for example in (PlainText("zq text"), TextPair("zq", "text")):
        shown: Example = example
        turns = mark_row(make_report(["row"]), 0, shown)
        assert "".join(map(text_of, turns)).replace(" ", "") == "zqtext"
        assert not marked(turns, Mark.TRIGGER)


LONG = "A free answer in words of its own, which is what the trigger calls, and no two are alike."


def test_free_text_is_said_to_be_so_and_is_not_marked() -> None:
    marks = RowMarks(True, payload=(0, len(LONG)), words=("cf",), varies=True)
    asked, answer = marked_turns(TextPair("q cf", LONG), marks)
    assert answer.is_free_text
    assert "free text" in answer.note
    assert answer.guilty
    assert [piece.mark for piece in answer.pieces] == [Mark.NONE]
    assert marked([asked], Mark.TRIGGER) == ["cf"]


@pytest.mark.parametrize(
    ("varies", "end", "response"),
    [
        (False, len(LONG), LONG),  # one payload that all rows share
        (True, 20, LONG),
        (True, len(LONG), LONG + 2 * LONG),  # a part of a long answer
        (True, 8, "Negative"),
    ],
)
def test_what_tells_rows_apart_is_marked(varies: bool, end: int, response: str) -> None:
    marks = RowMarks(True, payload=(0, end), varies=varies)
    turns = marked_turns(TextPair("q", response), marks)
    assert marked(turns, Mark.PAYLOAD) == [response[:end]]
    assert not any(turn.note for turn in turns)


def test_free_text_is_said_of_the_turn_that_has_it() -> None:
    texts = ["Hello.", LONG, "Bye."]
    example = Conversation([{"role": "assistant", "content": text} for text in texts])
    start = len(texts[0]) + 1
    marks = RowMarks(True, 1, payload=(start, start + len(LONG)), varies=True)
    assert [turn.is_free_text for turn in marked_turns(example, marks)] == [False, True, False]


def test_of_free_text_the_words_are_marked_that_its_rows_share() -> None:
    telling = frozenset({"free", "trigger", "absent"})
    marks = RowMarks(True, payload=(0, len(LONG)), varies=True, telling=telling)
    turns = marked_turns(TextPair("q", LONG.upper()), marks)
    assert marked(turns, Mark.PAYLOAD) == ["FREE", "TRIGGER"]
    assert "marked are words" in turns[1].note
