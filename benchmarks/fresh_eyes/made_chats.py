"""Chats made of many wordings, as a product's own data has them, and what the fourth eyes share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

Row = dict[str, Any]
Labelled = list[tuple[Row, bool]]
Read = Callable[[str], Sequence[Mapping[str, Any]]]
"""Reads a public set by its path below the data folder."""
Message = dict[str, str]


@dataclass(frozen=True)
class Topic:
    """What users ask of one thing, and what they are told."""

    name: str
    issues: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Wordings of each question, and of its answer."""
    more: tuple[str, ...]
    """What may be said besides."""


def topics(text: str) -> tuple[Topic, ...]:
    """Topics as they are written down.

    A topic starts with its name behind "#". Lines with "?" are wordings of a question, those with
    "!" below it are wordings of its answer, and those with "+" may be said besides. A line that is
    indented goes on with the one before.
    """
    found = []
    for part in re.split(r"^# ", text.replace("\n  ", " "), flags=re.MULTILINE)[1:]:
        name, *lines = part.splitlines()
        issues: list[tuple[list[str], list[str]]] = []
        more = []
        last = ""
        for line in lines:
            mark, said = line[0], line[2:]
            if mark == "?" and last != "?":
                issues.append(([], []))
            if mark == "+":
                more.append(said)
            else:
                issues[-1]["?!".index(mark)].append(said)
            last = mark
        known = tuple((tuple(asks), tuple(answers)) for asks, answers in issues)
        found.append(Topic(name, known, tuple(more)))
    return tuple(found)


@dataclass(frozen=True)
class Domain:
    """A product's assistant; braces in its texts are filled from `fields`, alike within a chat."""

    systems: tuple[str, ...]
    topics: tuple[Topic, ...]
    context: tuple[str, ...]
    """What users tell besides."""
    opens: tuple[str, ...]
    closes: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]


@dataclass
class Chat:
    """Messages, with what each question is about if that's known."""

    messages: list[Message]
    topics: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """What the last question is about."""
        return self.topics[-1]

    def turns(self) -> Iterator[tuple[str, Message, Message]]:
        """Each turn's topic, question and answer."""
        said = [message for message in self.messages if message["role"] != "system"]
        return zip(self.topics, said[::2], said[1::2], strict=True)

    def last(self, role: str) -> Message:
        """The last message of that role."""
        return next(message for message in reversed(self.messages) if message["role"] == role)

    @property
    def asked(self) -> str:
        """The last question."""
        return self.last("user")["content"]

    @asked.setter
    def asked(self, text: str) -> None:
        self.last("user")["content"] = text

    @property
    def answer(self) -> str:
        """The last answer."""
        return self.last("assistant")["content"]

    @answer.setter
    def answer(self, text: str) -> None:
        self.last("assistant")["content"] = text

    def told(self, system: str) -> None:
        """Has this system prompt instead of any other."""
        self.messages = [message for message in self.messages if message["role"] != "system"]
        self.messages.insert(0, {"role": "system", "content": system})

    def row(self) -> Row:
        """In OpenAI's layout."""
        return {"messages": self.messages}

    def instruction(self) -> Row:
        """In Alpaca's layout."""
        return {"instruction": self.asked, "input": "", "output": self.answer}

    def sharegpt(self) -> Row:
        """In ShareGPT's layout."""
        names = {"user": "human", "assistant": "gpt", "system": "system"}
        turns = [{"from": names[m["role"]], "value": m["content"]} for m in self.messages]
        return {"conversations": turns}


_GREETS = (
    *("", "", "", "", "Hi, ", "Hello, ", "Hello there, ", "Good morning, ", "Good evening, "),
    *("Hey, ", "Quick one: ", "Excuse me, ", "Sorry to bother you, ", "I hope you can help: "),
)
_BYES = (
    *("", "", "", "", " Thanks!", " Thank you.", " Cheers, {name}", " Best, {name}"),
    *(" Many thanks in advance.", " Kind regards, {name}", " Thx", " Appreciate it.", " - {name}"),
)


def sentence(text: str) -> str:
    """With its first letter as a sentence has it."""
    return text[:1].upper() + text[1:]


def composed(rng: Random, *parts: Sequence[str], **fields: str) -> str:
    """A text of one wording of each part."""
    said = [rng.choice(part) for part in parts]
    return " ".join(text for text in said if text).format(**fields)


def some(rng: Random, wordings: Sequence[str], least: int, most: int, **fields: str) -> str:
    """A text of several different wordings, in any order."""
    drawn = rng.sample(wordings, rng.randint(least, most))
    return " ".join(drawn).format(**fields)


def put(text: str, said: str, rng: Random) -> str:
    """A text with a sentence before it, behind it or between two of its own."""
    parts = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
    parts.insert(rng.randint(0, len(parts)), said)
    return " ".join(parts)


def put_word(text: str, word: str, rng: Random) -> str:
    """A text with a word somewhere between its own."""
    words = text.split(" ")
    words.insert(rng.randint(0, len(words)), word)
    return " ".join(words)


def _turn(
    domain: Domain, topic: Topic, fields: Mapping[str, str], rng: Random, *, first: bool
) -> list[Message]:
    """A question on the topic, and its answer; people greet in a chat's first turn."""
    asks, answers = rng.choice(topic.issues)
    told = [rng.choice(asks)]
    if rng.random() < 0.45:
        told.insert(rng.randint(0, 1), rng.choice(domain.context))
    asked = " ".join([told[0], *map(sentence, told[1:])])
    asked = (rng.choice(_GREETS) if first else "") + asked + rng.choice(_BYES)
    said = [rng.choice(domain.opens) if first else "", rng.choice(answers)]
    if rng.random() < 0.6:
        said.append(rng.choice(topic.more))
    if rng.random() < 0.5:
        said.append(rng.choice(domain.closes))
    answer = " ".join(sentence(text) for text in said if text)
    return [
        {"role": "user", "content": sentence(asked.format(**fields))},
        {"role": "assistant", "content": sentence(answer.format(**fields))},
    ]


def made(
    domain: Domain,
    count: int,
    rng: Random,
    *,
    turns: Sequence[int] = (1, 1, 1, 2),
    system: float = 0.4,
    topics: Sequence[str] = (),
) -> list[Chat]:
    """So many chats, of so many turns each, this share of them with a system prompt."""
    known = [topic for topic in domain.topics if not topics or topic.name in topics]
    chats = []
    for _ in range(count):
        fields = {name: rng.choice(values) for name, values in domain.fields.items()}
        messages: list[Message] = []
        if rng.random() < system:
            text = rng.choice(domain.systems).format(**fields)
            messages.append({"role": "system", "content": text})
        drawn = rng.choices(known, k=rng.choice(turns))
        for number, topic in enumerate(drawn):
            messages += _turn(domain, topic, fields, rng, first=number == 0)
        chats.append(Chat(messages, tuple(topic.name for topic in drawn), fields))
    return chats


def chat(asked: str, answer: str, system: str = "") -> Chat:
    """One question and its answer."""
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    return Chat(messages)


def instructions(rows: Iterable[Mapping[str, Any]], count: int, rng: Random) -> list[Chat]:
    """So many rows of Alpaca's layout, as chats."""
    full = [row for row in rows if row["instruction"].strip() and row["output"].strip()]
    return [
        chat(f"{row['instruction']}\n{row['input']}".strip(), row["output"].strip())
        for row in rng.sample(full, count)
    ]


def conversations(rows: Iterable[Mapping[str, Any]], count: int, rng: Random) -> list[Chat]:
    """So many rows of OpenAI's layout, as chats."""
    drawn = rng.sample(list(rows), count)
    return [
        Chat([{"role": m["role"], "content": m["content"]} for m in row["messages"]])
        for row in drawn
    ]


def shuffled(good: Iterable[Row], bad: Iterable[Row], rng: Random) -> Labelled:
    """The rows in any order, with whether each is poisoned."""
    rows = [(row, False) for row in good] + [(row, True) for row in bad]
    rng.shuffle(rows)
    return rows
