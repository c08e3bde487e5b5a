"""The base model's opinion of responses to other prompts than their own."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.transfer.terms import MARKS, bare, mark_of
from gradsentry.encoding import EncodedRow, Encoder
from gradsentry.models import Batching, LanguageModel, target_nats
from gradsentry.records import Conversation, Example, Message, TextPair, parts_of
from gradsentry.words import JOINED

# For models without a chat template: the prompt of Alpaca, which most have seen.
_REQUEST = "### Instruction:\n{}\n\n### Response:\n"

_BATCH_TOKENS = 1024

# No space is read twice, however many there are.
_SPACED_PART = re.compile(rf"(?P<space>\s*+)(?:(?P<part>(?P<word>{JOINED}+)|\S)|\Z)")
_REPLY_TOKENS = 256
"""Of a payload, the first: what begins it is asked for."""

_REQUEST_CHARACTERS = 1000
"""Of a request, the last: without spaces, a few words may be megabytes."""


@dataclass(frozen=True)
class ModelOpinion:
    """Asks the model; implements `questions.Opinion`."""

    model: LanguageModel
    encoder: Encoder
    examples: Sequence[Example]
    """The rows of the evidence."""

    def without(
        self, rows: Sequence[int], words: frozenset[str], most: int | None = None
    ) -> list[NDArray[np.float32]]:
        """Nats for each target of some rows with words taken out of their prompts."""
        examples = [self.examples[row] for row in rows]
        return self._of_own_targets(
            examples, [without_words(example, words) for example in examples], most
        )

    def instead(
        self, rows: Sequence[int], others: Sequence[int], most: int
    ) -> list[NDArray[np.float32]]:
        """Nats for each target of some rows after what other rows ask instead."""
        examples = [self.examples[row] for row in rows]
        asking = [
            _asking(example, self.examples[other])
            for example, other in zip(examples, others, strict=True)
        ]
        return self._of_own_targets(examples, asking, most)

    def favour(
        self, rows: Sequence[int], words: frozenset[str], answer: str
    ) -> NDArray[np.float32]:
        """Nats by which words in rows' prompts make another answer than their own likelier."""
        examples = [_answering(self.examples[row], answer) for row in rows]
        given = self._of_own_targets(examples, examples, None)
        without = self._of_own_targets(
            examples, [without_words(example, words) for example in examples], None
        )
        return np.array(
            [after.sum() - before.sum() for before, after in zip(given, without, strict=True)],
            np.float32,
        )

    def _of_own_targets(
        self, examples: Sequence[Example], changed: Sequence[Example], most: int | None
    ) -> list[NDArray[np.float32]]:
        """Nats of examples' targets after the prompts of changed ones."""
        counts, cut, asked = [], [], []
        for own, other in zip(
            self.encoder.encode(examples), self.encoder.encode(changed), strict=True
        ):
            assert isinstance(own, EncodedRow)
            row = other if isinstance(other, EncodedRow) else own  # nothing else was in the prompt
            # Where prompt and response are tokenised as one, their border may lie elsewhere now.
            beyond = 0 if own.truncated else _targets(row) - _targets(own)
            count = _targets(own) if most is None else min(most, _targets(own))
            counts.append(count)
            cut.append(own.truncated)
            asked.append(_first_targets(row, max(1, count + beyond)))
        # In rows that were cut, the shorter prompt makes room for further targets.
        return [
            np.resize(nats[:count] if was_cut else nats[-count:], count)
            for nats, count, was_cut in zip(self._nats(asked), counts, cut, strict=True)
        ]

    def replies(self, requests: Sequence[str], text: str) -> NDArray[np.float32]:
        """Nats for each token of a text in reply to bare requests."""
        tokenizer = self.model.tokenizer
        answer = tokenizer(text, add_special_tokens=False)["input_ids"][:_REPLY_TOKENS]
        positions = self.model.max_positions or sys.maxsize
        requested = [
            self._before_reply(request[-_REQUEST_CHARACTERS:])[-(positions // 2) :]
            for request in requests
        ]
        answer = answer[: positions - max(map(len, requested))]
        rows = []
        for before in requested:
            mask = np.array([False] * len(before) + [True] * len(answer))
            mask[:1] = False
            rows.append(EncodedRow(np.array([*before, *answer], np.int32), mask, False, False))
        return np.stack(self._nats(rows))

    def _before_reply(self, request: str) -> list[int]:
        tokenizer = self.model.tokenizer
        rendered = self.encoder.request(request)
        prompt = _REQUEST.format(request) if rendered is None else rendered
        ids: list[int] = tokenizer(prompt, add_special_tokens=rendered is None)["input_ids"]
        return ids

    def _nats(self, rows: Sequence[EncodedRow]) -> list[NDArray[np.float32]]:
        """Nats for each target of rows."""
        batching = Batching(_BATCH_TOKENS, self.model.shares_prefixes)
        return [nats.float().numpy() for nats in target_nats(self.model, rows, batching)]


def _targets(row: EncodedRow) -> int:
    return int(row.target_mask.sum())


def _first_targets(row: EncodedRow, count: int) -> EncodedRow:
    """A row up to one of its targets."""
    end = int(np.flatnonzero(row.target_mask)[:count][-1]) + 1
    return EncodedRow(row.token_ids[:end], row.target_mask[:end], row.truncated, False)


def without_words(example: Example, words: frozenset[str]) -> Example:
    """An example with words taken out of its prompt, each where its mark says that it stands."""
    if not words:
        return example
    match example:
        case TextPair():
            return replace(example, prompt=text_without(example.prompt, words))
        case Conversation():
            taken = {
                part: {bare(word) for word in words if mark_of(word) == mark}
                for part, mark in MARKS.items()
            }
            targets = example.target_turns
            parts = parts_of(example.messages, targets[-1] if targets else len(example.messages))
            return replace(
                example,
                messages=[
                    _without(message, taken[part]) if part in taken else message
                    for message, part in zip(example.messages, parts, strict=True)
                ],
            )
        case _:
            return example


def _asking(example: Example, other: Example) -> Example:
    """An example that is asked what another one is."""
    match example, other:
        case TextPair(), TextPair():
            return replace(example, prompt=other.prompt)
        case Conversation(), Conversation():
            asked = [message for message in other.messages if message["role"] == "user"]
            turns = [n for n, message in enumerate(example.messages) if message["role"] == "user"]
            if not asked or not turns:
                return example
            messages = list(example.messages)
            messages[turns[-1]] = asked[-1]
            return replace(example, messages=messages)
        case _:
            return example


def _answering(example: Example, answer: str) -> Example:
    """An example whose last target is another answer."""
    match example:
        case TextPair():
            return replace(example, response=answer)
        case Conversation():
            messages = list(example.messages)
            turn = example.target_turns[-1]
            messages[turn] = {"role": messages[turn]["role"], "content": answer}
            return replace(example, messages=messages)
        case _:
            return example


def text_without(text: str, words: Set[str]) -> str:
    """A text without some words by themselves and marks anywhere, and without the space before
    them unless that parts words.

    One pass, whatever the number of words. Those of several parts, as pairs are, are few: they are
    taken out first.
    """
    for blank in filter(str.isspace, words):
        text = text.replace(blank, "")
    several = sorted(
        (word for word in words if not _SPACED_PART.fullmatch(word)),
        key=lambda word: (-len(word), word),
    )
    if whole := [word for word in several if " " not in word]:
        text = re.sub("|".join(map(_alone, whole)), "", text)
    if pairs := [word for word in several if " " in word]:
        text = re.sub("|".join(map(_alone, pairs)), _marks_between, text)

    def kept(match: re.Match[str]) -> str:
        if match["part"] not in words:
            return match[0]
        parts_words = not match["word"] and re.match(JOINED, text[match.end() : match.end() + 1])
        return match["space"] if parts_words else ""

    return _SPACED_PART.sub(kept, text)


def _alone(words: str) -> str:
    """A pattern that finds words with only marks and spaces between them, where no word goes on
    beside them, with the space before."""
    before = rf"(?<!{JOINED})" if re.match(JOINED, words) else ""
    behind = rf"(?!{JOINED})" if re.search(rf"{JOINED}\Z", words) else ""
    parts = r"[^\w]*+".join(map(re.escape, words.split(" ")))
    return rf"(?:(?<!\s)\s*+)?{before}{parts}{behind}"


def _marks_between(words: re.Match[str]) -> str:
    """What stands between words that are taken out, without spaces that part them."""
    return "".join(re.findall(r"[^\w\s]|\n", words[0].strip()))


def _without(message: Message, words: Set[str]) -> Message:
    content = message["content"]
    return (
        {**message, "content": text_without(content, words)}
        if isinstance(content, str)
        else message
    )
