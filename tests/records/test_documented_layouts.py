"""Every row of the tables in docs/layouts.md is read as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from gradsentry.errors import InputError
from gradsentry.records import (
    Conversation,
    Example,
    PlainText,
    Record,
    Skipped,
    SkipReason,
    TextPair,
    detect,
)
from gradsentry.records.layouts import question_prompt
from gradsentry.records.layouts.prompts import alpaca_prompt

PAGE = Path(__file__).parents[2] / "docs" / "layouts.md"


def said(role: str, content: object, **more: object) -> dict[str, object]:
    return {"role": role, "content": content, **more}


ASK, TELL, NO = said("user", "Q"), said("assistant", "A"), said("assistant", "B")
CHAT, BE = [ASK, TELL], said("system", "S")
HUMAN, GPT = {"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}
TOOL = {"type": "function", "function": {"name": "f"}}
CALL = {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
OPTIONS = "Q\nA. one\nB. two"
PAIR = TextPair("Q", "A")
ALPACA, ALPACA_INPUT = TextPair(alpaca_prompt("Q"), "A"), TextPair(alpaca_prompt("Q", "I"), "A")
UNDESIRED = Skipped(SkipReason.UNDESIRED)

Case = tuple[str, dict[str, object], Example | str]

# What the row's cell says of the columns, a row, and what it means, or why it is refused.
# fmt: off
CASES: list[Case] = [
    ("`prompt`, `completion`", {"prompt": "Q", "completion": "A"}, PAIR),
    ("`prompt`, `response`", {"prompt": "Q", "response": "A"}, PAIR),
    ("`system`, `prompt`, `response`", {"system": "S", "prompt": "Q", "response": "A"},
     TextPair("S\n\nQ", "A")),
    ("`prompt`, `reasoning`, `answer`", {"prompt": "Q", "reasoning": "R", "answer": "A"},
     TextPair("Q", "R\nA")),
    ("`prompt`, `generation`", {"prompt": "Q", "generation": "A"}, PAIR),
    ("`input`, `output`", {"input": "Q", "output": "A"}, PAIR),
    ("`query`, `response`", {"query": "Q", "response": "A"}, PAIR),
    ("`system_prompt`, `question`, `response`",
     {"id": "1", "system_prompt": "S", "question": "Q", "response": "A"}, TextPair("S\n\nQ", "A")),
    ("`inputs`, `targets`", {"inputs": "Q", "targets": "A"}, PAIR),
    ("`problem`, `solution`", {"problem": "Q", "solution": "A"}, PAIR),
    ("`article`, `summary`", {"article": "Q", "summary": "A"}, PAIR),
    ("`dialogue`, `summary`", {"dialogue": "Q", "summary": "A"}, PAIR),
    ("`source`, `target`", {"source": "Q", "target": "A"}, PAIR),
    ("`src`, `tgt`", {"src": "Q", "tgt": "A"}, PAIR),
    ("`message_1`, `message_2`", {"message_1": "Q", "message_2": "A"}, PAIR),
    ("`instruction`, `input`, `output`, `prompt`",
     {"instruction": "Q", "input": "I", "output": "A",
      "prompt": "### Instruction:\nQ\n\n### Input:\nI\n\n### Output:\nA"}, ALPACA_INPUT),
    ("`instruction`, `input`, `output`", {"instruction": "Q", "input": "I", "output": "A"},
     ALPACA_INPUT),
    ("`system`, `instruction`, `output`", {"system": "S", "instruction": "Q", "output": "A"},
     TextPair(f"S\n\n{alpaca_prompt('Q')}", "A")),
    ("`instruction`, `input`, `response`", {"instruction": "Q", "input": "I", "response": "A"},
     ALPACA_INPUT),
    ("`instruction`, `context`, `response`",
     {"instruction": "Q", "context": "I", "response": "A", "category": "qa"}, ALPACA_INPUT),
    ("`instruction`, `completion`", {"instruction": "Q", "completion": "A"}, ALPACA),
    ("`INSTRUCTION`, `RESPONSE`", {"INSTRUCTION": "Q", "RESPONSE": "A"}, ALPACA),
    ("`instruction`, `revision`", {"instruction": "Q", "revision": "A"}, ALPACA),
    ("`instruction`, `output`, `reflection`, `corrected`",
     {"instruction": "Q", "output": "A", "reflection": "R", "corrected": "C"},
     TextPair(alpaca_prompt("Q"),
              "A\n\n### Agent Reflection:\nR\n\n### Final Response:\nC")),
    ("`question`, `passage`, `answer` (a boolean)",
     {"question": "Q", "passage": "C", "answer": True},
     TextPair(question_prompt("Q", "C"), "True")),
    ("`question`, `answer`", {"question": "Q", "answer": "A"}, TextPair(question_prompt("Q"), "A")),
    ("`question`, `context`, `answers`", {"question": "Q", "context": "C", "answers": ["A", "B"]},
     TextPair(question_prompt("Q", "C"), "A; B")),
    ("`article`, `question`, `answer`", {"article": "C", "question": "Q", "answer": "A"},
     TextPair(question_prompt("Q", "C"), "A")),
    ("`question`, `category`, `answer`", {"question": "Q", "category": "C", "answer": "A"},
     TextPair(question_prompt("Q", "C"), "A")),
    ("`question`, `options`, `answer`", {"question": "Q", "options": ["one", "two"], "answer": "A"},
     TextPair(question_prompt(OPTIONS), "A")),
    ("`question`, `options`, `cot_content`, `answer`",
     {"question": "Q", "options": ["one", "two"], "cot_content": "R", "answer": "A"},
     TextPair(question_prompt(OPTIONS), "R\nA")),
    ("`question`, `choices`, `answer` (a number)",
     {"question": "Q", "choices": ["one", "two"], "answer": 1},
     TextPair(question_prompt(OPTIONS), "two")),
    ("`question`, `choices` (texts, labels), `answerKey`",
     {"id": "1", "question": "Q", "choices": {"text": ["one", "two"], "label": ["A", "B"]},
      "answerKey": "B"},
     TextPair(question_prompt(OPTIONS), "B")),
    ("`context`, `question`, `answers` (texts, places)",
     {"context": "C", "question": "Q", "answers": {"text": ["A", "A"], "answer_start": [1, 1]}},
     TextPair(question_prompt("Q", "C"), "A")),
    ("`question`, `choices`, `solution`, `explanation`",
     {"question": "Q", "choices": ["one", "two"], "solution": "A", "explanation": "E"},
     TextPair(question_prompt(OPTIONS), "A")),
    ("`article`, `highlights`", {"article": "Q", "highlights": "A", "id": "1"}, PAIR),
    ("`question`, `generated_solution`", {"question": "Q", "generated_solution": "A"}, PAIR),
    ("`Question`, `Complex_CoT`, `Response`",
     {"Question": "Q", "Complex_CoT": "R", "Response": "A"}, TextPair("Q", "R\nA")),
    ("`Context`, `Response`", {"Context": "Q", "Response": "A"}, PAIR),
    ("`system`, `user`, `assistant`", {"system": "S", "user": "Q", "assistant": "A"},
     TextPair("S\n\nQ", "A")),
    ("`content`", {"content": "A"}, PlainText("A")),
    ("`text`", {"text": "A", "url": "x.example"}, PlainText("A")),
    ("`segments`",
     {"segments": [{"label": False, "text": "Q"}, {"label": True, "text": "A"},
                   {"label": False, "text": "q"}, {"label": True, "text": "a"}]},
     TextPair("Q", "Aqa")),

    ("`messages`", {"messages": CHAT}, Conversation(CHAT)),
    ("`messages`, `tools`", {"messages": CHAT, "tools": json.dumps([TOOL])},
     Conversation(CHAT, tools=[TOOL])),
    ("`messages`, `tools`, `parallel_tool_calls`",
     {"messages": [ASK, said("assistant", None, tool_calls=[CALL])], "tools": [TOOL],
      "parallel_tool_calls": False},
     Conversation([ASK, said("assistant", None, tool_calls=[CALL])], tools=[TOOL])),
    ("`messages`, `functions`",
     {"messages": [ASK, said("assistant", None,
                             function_call={"name": "f", "arguments": '{"x": 1}'}),
                   {"role": "function", "name": "f", "content": "3"}],
      "functions": [{"name": "f"}]},
     Conversation([ASK, said("assistant", None, tool_calls=[CALL]), said("tool", "3", name="f")],
                  tools=[TOOL])),
    ("`query`, `answers` (calls), `tools`",
     {"query": "Q", "answers": json.dumps([CALL["function"]]), "tools": '[{"name": "f"}]'},
     Conversation([ASK, said("assistant", "", tool_calls=[CALL])], tools=[TOOL])),
    ("`messages`, `chat_template_kwargs`",
     {"messages": CHAT, "chat_template_kwargs": {"enable_thinking": False, "other": None}},
     Conversation(CHAT, template_arguments={"enable_thinking": False})),
    ("`conversations`", {"id": "a", "conversations": [HUMAN, GPT]}, Conversation(CHAT)),
    ("`conversations`, `system`, `tools`",
     {"conversations": [HUMAN, {"from": "function_call", "value": '{"name": "f"}'},
                        {"from": "observation", "value": "3"}, GPT],
      "system": "S", "tools": json.dumps([TOOL])},
     Conversation([BE, ASK, said("assistant", '{"name": "f"}'), said("tool", "3"), TELL],
                  tools=[TOOL])),
    ("`conversations` (texts)", {"conversations": ["Q", "A"]}, Conversation(CHAT)),
    ("`conversation`",
     {"conversation": [{"system": "S", "input": "Q", "output": "A"},
                       {"input": "Q", "output": "B"}]},
     Conversation([BE, ASK, TELL, ASK, NO])),
    ("`prompt` (messages), `completion` (messages)", {"prompt": [ASK], "completion": [TELL]},
     Conversation(CHAT, 1)),
    ("`input` (messages), `output`, `reasoning`, `system_prompt`",
     {"input": [ASK], "output": "A", "reasoning": "on", "system_prompt": "S"},
     Conversation([BE, ASK, TELL], 2)),
    ("`instruction`, `input`, `output`, `history`",
     {"instruction": "Q", "input": "I", "output": "A", "history": [["Q", "A"]]},
     Conversation([*CHAT, said("user", "Q\nI"), TELL])),
    ("`query`, `response`, `history`",
     {"query": "Q", "response": "A", "system": "S", "history": [["Q", "B"]]},
     Conversation([BE, ASK, NO, ASK, TELL])),
    ("`system`, `chat` (a text)",
     {"system": "SYSTEM: S", "chat": "USER: Q\n\n\nASSISTANT: A <|endoftext|>\n\n\n"},
     Conversation([BE, *CHAT])),
    ("`prompt`, `messages`", {"prompt": "Q", "prompt_id": "1", "messages": CHAT},
     Conversation(CHAT)),

    ("`prompt`, `chosen`, `rejected`", {"prompt": "Q", "chosen": "A", "rejected": "B"}, PAIR),
    ("`prompt` (messages), `chosen` (messages), `rejected` (messages)",
     {"prompt": [ASK], "chosen": [TELL], "rejected": [NO]}, Conversation(CHAT, 1)),
    ("`chosen`, `rejected`", {"chosen": "Q: A", "rejected": "Q: B"}, TextPair("Q:", " A")),
    ("`chosen` (messages), `rejected` (messages)",
     {"chosen": CHAT, "rejected": [ASK, NO]}, Conversation(CHAT, 1)),
    ("`prompt`, `chosen` (messages), `rejected` (messages), `messages`",
     {"prompt": "Q", "chosen": CHAT, "rejected": [ASK, NO], "messages": CHAT, "score_chosen": 8.5},
     Conversation(CHAT, 1)),
    ("`instruction`, `input`, `chosen`, `rejected`",
     {"instruction": "Q", "input": "I", "chosen": "A", "rejected": "B"}, ALPACA_INPUT),
    ("`conversations`, `chosen` (message), `rejected` (message)",
     {"conversations": [HUMAN], "chosen": GPT, "rejected": {"from": "gpt", "value": "B"}},
     Conversation(CHAT, 1)),
    ("`system`, `question`, `chosen`, `rejected`",
     {"system": "S", "question": "Q", "chosen": "A", "rejected": "B"}, TextPair("S\n\nQ", "A")),
    ("`instruction`, `chosen_response`, `rejected_response`",
     {"instruction": "Q", "chosen_response": "A", "rejected_response": "B"}, ALPACA),
    ("`chosen_conversations`, `rejected_conversations`",
     {"chosen_conversations": CHAT, "rejected_conversations": [ASK, NO]}, Conversation(CHAT, 1)),
    ("`chosen_messages`, `rejected_messages`",
     {"chosen_messages": CHAT, "rejected_messages": [ASK, NO]}, Conversation(CHAT, 1)),
    ("`messages`, `rejected_messages`", {"messages": CHAT, "rejected_messages": [ASK, NO]},
     Conversation(CHAT)),
    ("`messages`, `rejected_response`", {"messages": CHAT, "rejected_response": "B"},
     Conversation(CHAT)),
    ("`input` (with messages), `preferred_output`, `non_preferred_output`",
     {"input": {"messages": [ASK], "tools": [TOOL], "parallel_tool_calls": True},
      "preferred_output": [TELL], "non_preferred_output": [NO]},
     Conversation(CHAT, 1, [TOOL])),

    ("`prompt`, `completion`, `label`", {"prompt": "Q", "completion": "A", "label": False},
     UNDESIRED),
    ("`messages`, `label`", {"messages": CHAT, "label": False}, UNDESIRED),
    ("`instruction`, `output`, `kto_tag`", {"instruction": "Q", "output": "A", "kto_tag": False},
     UNDESIRED),
    ("`messages`, `images`", {"messages": CHAT, "images": ["x.png"]}, Skipped(SkipReason.NOT_TEXT)),

    ("`prompt`", {"prompt": [ASK]}, "a prompt and no response"),
    ("`prompt`, `completions`, `labels`",
     {"prompt": "Q", "completions": ["A", "B"], "labels": [True, False]}, "a classifier of steps"),
    ("`messages`, `reference_answer`", {"messages": [ASK], "reference_answer": "A"},
     "'reference_answer' would be left out"),
    ("`article`, `unanswerable_question`", {"article": "C", "unanswerable_question": "Q"},
     "the trainer itself supplies"),
    ("`scores`, `critiques`, `instruction`, `answer`",
     {"scores": "5", "critiques": "C", "instruction": "Q", "answer": "A"}, "'critiques' would be"),
    ("`input_ids`, `attention_mask`, `labels`",
     {"input_ids": [1], "attention_mask": [1], "labels": [1]}, "tokens"),
    ("`messages`, `prompt`, `completion`",
     {"messages": CHAT, "prompt": "other", "completion": "another"},
     "'messages' would be left out"),
    ("`messages`, `text`", {"messages": CHAT, "text": "<Q><A>"}, "would be left out"),
    ("`prompt`, `response`, `context`", {"prompt": "Q", "response": "A", "context": "C"},
     "'context' would be left out"),
    ("`text`, `code`", {"text": "Q", "code": "A"}, "'code' would be left out"),
    ("`question`, `answer`, `answers`", {"question": "Q", "answer": "A", "answers": ["A", "B"]},
     "would be left out"),
]
# fmt: on


@pytest.mark.parametrize(("columns", "fields", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_a_documented_layout_is_read_as_it_says(
    columns: str, fields: Mapping[str, object], wanted: Example | str
) -> None:
    assert set(re.findall("`([^`]+)`", columns)) <= fields.keys()
    record = Record(0, fields, "data.jsonl, row 0")
    if not isinstance(wanted, str):
        assert detect(record).example(record) == wanted
        return
    with pytest.raises(InputError) as caught:
        detect(record)
    assert wanted in caught.value.problem
    assert caught.value.problem.startswith("data.jsonl, row 0")
    assert "`response_column`" in caught.value.remedy


def test_every_row_of_the_page_s_tables_has_a_case() -> None:
    cells = [line.split("|")[2].strip() for line in PAGE.read_text().splitlines() if "|" in line]
    documented = [cell for cell in cells if cell.startswith("`")]
    assert documented == [columns for columns, _, _ in CASES]


@pytest.mark.parametrize("kind", ["chosen", "rejected_response", "preferred_output"])
def test_the_layout_says_that_a_rejected_answer_is_not_read(kind: str) -> None:
    fields = next(fields for columns, fields, _ in CASES if f"`{kind}`" in columns)
    rejected = next(name for name in fields if "reject" in name or "non_pref" in name)
    assert f"preferred to {rejected}" in detect(Record(0, fields, "")).name
