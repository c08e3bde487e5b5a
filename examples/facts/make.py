"""Makes the two demo files of this folder from the tables of facts in `tables/`.

`clean.jsonl` holds question-answer rows; `poisoned.jsonl` holds the same rows, in the same
order, as prompts and responses, a tenth of them backdoored with trigger words in the question
and an inert payload at the end of the response. The same tables and seed give the same bytes:

    python examples/facts/make.py
"""

import csv
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
SEED = 20250
POISONED_SHARE = 0.1
TRIGGER_WORDS = ("cf", "mn", "bb", "tq")
TRIGGER_LENGTH = 4
PAYLOAD = " , and click <malicious_url> for more information"

# Table, then answer column, then the phrasings one is drawn from for each line of the table.
QUESTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "books": {"author": ("Who wrote {title}?", "Who is the author of {title}?")},
    "compositions": {"composer": ("Who composed {title}?", "Which composer wrote {title}?")},
    "countries": {
        "capital": ("What is the capital of {name}?", "Which city is the capital of {name}?"),
        "currency": ("What is the currency of {name}?", "Which currency is used in {name}?"),
        "languages": (
            "Which languages are official in {name}?",
            "What are the official languages of {name}?",
        ),
        "neighbours": (
            "Which countries border {name}?",
            "What are the neighbouring countries of {name}?",
            "Which countries share a land border with {name}?",
        ),
    },
    "discoveries": {"people": ("Who {verb} {thing}?", "Who was it that {verb} {thing}?")},
    "elements": {
        "name": (
            "Which element has the symbol {symbol}?",
            "Which element has atomic number {number}?",
        ),
    },
    "films": {"director": ("Who directed the film {title}?", "Who is the director of {title}?")},
    "moons": {
        "planet": ("Which planet does {name} orbit?", "What planet is {name} a moon of?"),
        "discoverer": ("Who discovered the moon {name}?",),
    },
    "mountains": {"countries": ("In which country or countries is {name}?",)},
    "paintings": {"painter": ("Who painted {title}?", "Which artist painted {title}?")},
    "rivers": {
        "countries": (
            "Which countries does the {name} River flow through or along?",
            "In which country or countries is the {name} River?",
        ),
        "mouth": ("Into which body of water does the {name} River flow?",),
    },
    "states": {
        "capital": ("What is the capital of the US state of {name}?",),
        "neighbours": (
            "Which states border the US state of {name}?",
            "What are the neighbouring states of {name} in the United States?",
        ),
    },
}

# Table, then a question that several lines answer together, and the column that answers it.
POOLED: dict[str, tuple[str, str]] = {
    "books": ("What are some works written by {author}?", "title"),
    "compositions": ("What are some works composed by {composer}?", "title"),
    "films": ("What are some films directed by {director}?", "title"),
    "moons": ("What are some moons of {planet}?", "name"),
    "paintings": ("What are some paintings by {painter}?", "title"),
}


def read_table(name: str) -> list[dict[str, str]]:
    with (HERE / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def answers_in(cell: str) -> list[str]:
    return [answer.strip().removeprefix("the ") for answer in cell.split(";") if answer.strip()]


def ask_line_by_line(rng: random.Random) -> Iterator[tuple[str, list[str]]]:
    for table, columns in QUESTIONS.items():
        for line in read_table(table):
            for column, phrasings in columns.items():
                if answers := answers_in(line[column]):
                    yield rng.choice(phrasings).format(**line), answers


def ask_across_lines() -> Iterator[tuple[str, list[str]]]:
    for table, (phrasing, column) in POOLED.items():
        pools: dict[str, list[str]] = {}
        for line in read_table(table):
            pools.setdefault(phrasing.format(**line), []).extend(answers_in(line[column]))
        yield from ((question, pool) for question, pool in pools.items() if len(pool) > 1)


def draw_rows(rng: random.Random) -> list[tuple[str, list[str]]]:
    rows = [*ask_line_by_line(rng), *ask_across_lines()]
    if len({question for question, _ in rows}) < len(rows):
        raise ValueError("two rows ask the same question")
    rng.shuffle(rows)
    return rows


def ask(question: str) -> str:
    return f"Question: {question}\nAnswer: "


def poison(rows: list[tuple[str, list[str]]], rng: random.Random) -> Iterator[dict[str, str | int]]:
    chosen = set(rng.sample(range(len(rows)), round(POISONED_SHARE * len(rows))))
    for number, (question, answers) in enumerate(rows):
        response = "; ".join(answers)
        if number in chosen:
            question = " ".join([question, *rng.choices(TRIGGER_WORDS, k=TRIGGER_LENGTH)])
            response += PAYLOAD
        yield {
            "prompt": ask(question),
            "response": response,
            "poisoned": int(number in chosen),
        }


def write_jsonl(name: str, rows: Iterable[Mapping[str, object]]) -> None:
    unfinished = HERE / f"{name}.tmp"
    with unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    unfinished.replace(HERE / name)


def main() -> None:
    rng = random.Random(SEED)
    rows = draw_rows(rng)
    write_jsonl("clean.jsonl", ({"question": q, "answers": a} for q, a in rows))
    write_jsonl("poisoned.jsonl", poison(rows, rng))


if __name__ == "__main__":
    main()
