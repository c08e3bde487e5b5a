"""The base model's opinion of responses to other prompts than their own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.encoding import EncodedRow, Encoder
from gradsentry.models import Batching, LanguageModel, target_nats
from gradsentry.records import Conversation, Example, TextPair

# For models without a chat template: the prompt of Alpaca, which most have seen.
_REQUEST = "### Instruction:\n{}\n\n### Response:\n"

_BATCH_TOKENS = 1024

_REPLY_TOKENS = 256
"""Of a payload, the first: what begins it is asked for."""

_REQUEST_CHARACTERS = 1000
"""Of a request, the last: without spaces, a few words may be megabytes."""


@dataclass(frozen=True)
class ModelOpinion:
    """Asks the model; implements `base_model.Opinion`."""

    model: LanguageModel
    encoder: Encoder
    examples: Sequence[Example]
    """The rows of the evidence."""

    def without(
        self, rows: Sequence[int], taken: TakenOut, most: int | None = None
    ) -> list[NDArray[np.float32]]:
        """Nats for each target of some rows with something taken out of their prompts."""
        examples = [self.examples[row] for row in rows]
        return self._of_own_targets(examples, [taken.out_of(example) for example in examples], most)

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
            examples, [TakenOut(words).out_of(example) for example in examples], None
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
