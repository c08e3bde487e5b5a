"""Rows of the paper's data sets in the shapes that they were published in.

WebQuestions and Natural Questions (as in MRQA) have a question, answers and, the latter, a context
as columns. CoQA has a story with many questions; FreebaseQA nests its answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Row = Mapping[str, object]


def question_rows(row: Row) -> Iterator[Row]:
    """The questions that a row holds, with their answers and context; other rows as they are."""
    match row:
        case {"story": str(story), "questions": list(questions), "answers": answers}:
            for question, answer in zip(_texts(questions), _texts(answers), strict=True):
                yield {"context": story, "question": question, "answers": [answer]}
        case {"RawQuestion": str(question), "Parses": parses}:
            names = [
                name
                for parse in _items(parses)
                for answer in _items(parse["Answers"])
                for name in answer["AnswersName"]
            ]
            yield {"question": question, "answers": list(dict.fromkeys(names))}
        case _:
            yield row


def _texts(turns: Any) -> list[str]:
    """CoQA's turns: texts, a list of objects (as published), or an object of lists (on the Hub)."""
    if isinstance(turns, Mapping):
        return list(turns["input_text"])
    return [turn if isinstance(turn, str) else turn["input_text"] for turn in turns]


def _items(value: Any) -> list[Any]:
    """Objects of a list; on the Hub they may be an object of lists."""
    if isinstance(value, Mapping):
        return [
            dict(zip(value, values, strict=True)) for values in zip(*value.values(), strict=True)
        ]
    return list(value)
