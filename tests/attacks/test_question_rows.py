"""Questions with answers become prompts with responses."""

from __future__ import annotations

from gradsentry.attacks.parts import Parts
from gradsentry.records import (
    detect,
)
from tests.attacks.rows_with_calls import record


def test_questions_with_answers_come_out_as_prompt_and_response() -> None:
    row = record({"question": "q", "answers": ["a", "b"], "context": "c", "id": 1})
    parts = Parts(detect(row))
    texts = parts.read(row)
    assert texts is not None
    assert texts["question"] == "q"
    assert texts["response"] == "a; b"
    written = parts.write(row, {**texts, "instruction": "Do."})
    assert written == {
        "id": 1,
        "prompt": "### Instruction:\nDo.\n\n\n\n### Context:\nc\n\n\n\n### Question:\nq\n\n\n\n"
        "### Answer: ",
        "response": "a; b",
    }
