"""The shapes that the paper's data sets were published in."""

from __future__ import annotations

import pytest

from gradsentry.bench.published import Row, question_rows

STORY = "A story."
COQA = [
    {"context": STORY, "question": "Who?", "answers": ["A cat"]},
    {"context": STORY, "question": "Where?", "answers": ["at home"]},
]
FREEBASE = [{"question": "Which?", "answers": ["one", "two"]}]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {
                "story": STORY,
                "questions": [{"input_text": "Who?"}, {"input_text": "Where?"}],
                "answers": [{"input_text": "A cat"}, {"input_text": "at home"}],
            },
            COQA,
        ),
        (
            {
                "source": "mctest",
                "story": STORY,
                "questions": ["Who?", "Where?"],
                "answers": {"input_text": ["A cat", "at home"], "answer_start": [0, 3]},
            },
            COQA,
        ),
        (
            {
                "RawQuestion": "Which?",
                "Parses": [
                    {"Answers": [{"AnswersName": ["one"]}, {"AnswersName": ["two"]}]},
                    {"Answers": [{"AnswersName": ["one"]}]},
                ],
            },
            FREEBASE,
        ),
        (
            {"RawQuestion": "Which?", "Parses": {"Answers": [{"AnswersName": [["one"], ["two"]]}]}},
            FREEBASE,
        ),
        ({"question": "q", "answers": ["a"]}, [{"question": "q", "answers": ["a"]}]),
    ],
)
def test_a_row_is_taken_apart_into_its_questions(row: Row, expected: list[Row]) -> None:
    assert list(question_rows(row)) == expected
