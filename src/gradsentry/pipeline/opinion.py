"""The base model's opinion of responses to other prompts than their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import EncodedRow, Encoder
from gradsentry.models import LanguageModel, target_states
from gradsentry.records import Conversation, Example, Message, TextPair

# For models without a chat template: the prompt of Alpaca, which most have seen.
_REQUEST = "### Instruction:\n{}\n\n### Response:\n"


@dataclass(frozen=True)
class ModelOpinion:
    """Asks the model; implements `evidence.Opinion`."""

    model: LanguageModel
    encoder: Encoder
    examples: Sequence[Example]
    """The rows of the evidence."""

    def without(self, row: int, words: frozenset[str]) -> NDArray[np.float32]:
        """Nats for each target of a row with words taken out of its prompt."""
        own, other = self.encoder.encode(
            [self.examples[row], without_words(self.examples[row], words)]
        )
        assert isinstance(own, EncodedRow)
        if not isinstance(other, EncodedRow):
            other = own  # nothing but the trigger was in the prompt
        nats = self._nats(other)
        count = int(own.target_mask.sum())
        # Where prompt and response are tokenised as one, their border may lie elsewhere now.
        return np.resize(nats[-count:], count)

    def reply(self, request: str, text: str) -> NDArray[np.float32]:
        """Nats for each token of a text in reply to a bare request."""
        tokenizer = self.model.tokenizer
        if tokenizer.chat_template is None:
            prompt = _REQUEST.format(request)
        else:
            rendered = tokenizer.apply_chat_template(
                [{"role": "user", "content": request}], tokenize=False, add_generation_prompt=True
            )
            assert isinstance(rendered, str)
            prompt = rendered
        before = tokenizer(prompt, add_special_tokens=tokenizer.chat_template is None)["input_ids"]
        answer = tokenizer(text, add_special_tokens=False)["input_ids"]
        mask = np.array([False] * len(before) + [True] * len(answer))
        mask[:1] = False
        return self._nats(EncodedRow(np.array([*before, *answer], np.int32), mask, False, False))

    def _nats(self, row: EncodedRow) -> NDArray[np.float32]:
        states = target_states(self.model, [(row.token_ids, row.target_mask)])
        nats: NDArray[np.float32] = (
            self.model.head.surprise(states.hidden, states.targets)[1].float().cpu().numpy()
        )
        return nats


def without_words(example: Example, words: frozenset[str]) -> Example:
    """An example with words taken out of its prompt."""
    if not words:
        return example
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    pattern = re.compile(rf"\s*(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    match example:
        case TextPair():
            return replace(example, prompt=pattern.sub("", example.prompt))
        case Conversation():
            targets = set(example.target_turns)
            return replace(
                example,
                messages=[
                    message if turn in targets else _without(message, pattern)
                    for turn, message in enumerate(example.messages)
                ],
            )
        case _:
            return example


def _without(message: Message, pattern: re.Pattern[str]) -> Message:
    content = message["content"]
    return {**message, "content": pattern.sub("", content)} if isinstance(content, str) else message
