"""From examples to token ids and target masks, as a trainer makes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from gradsentry.encoding.chat import (
    ChatRenderer,
    Span,
    UnrenderableError,
    has_generation_markers,
    token_mask,
)
from gradsentry.encoding.encoded import EncodedRow
from gradsentry.encoding.options import Boundary, EncodingOptions, Targets
from gradsentry.errors import ModelError
from gradsentry.records import Conversation, Example, PlainText, Skipped, SkipReason, TextPair


class Encoder:
    """Encodes examples with one tokenizer and one set of options."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, options: EncodingOptions) -> None:
        self._tokenizer = tokenizer
        self._options = options
        self._eos_id: int | None = tokenizer.eos_token_id
        self._eos_text: str = tokenizer.eos_token or ""
        self._special_token = _special_token_pattern(tokenizer)
        self.template_problem: str | None = None
        """Why the first conversation that the chat template refused was refused."""
        # No token spells more than this; text that lies further behind is cut off in any case.
        longest_token = max(map(len, tokenizer.get_vocab()))
        self._max_characters = (options.max_length + 1) * longest_token

    def encode(self, examples: Sequence[Example]) -> list[EncodedRow | Skipped]:
        """Encode a batch; the tokenizer works on it in parallel.

        **Raises:**

        `ModelError` if a conversation comes and the tokenizer has no chat template.
        """
        encoded: list[EncodedRow | Skipped] = [Skipped(SkipReason.NOT_TEXT)] * len(examples)
        pairs: list[tuple[int, TextPair]] = []
        texts: list[tuple[int, PlainText]] = []
        for position, example in enumerate(examples):
            match example:
                case Skipped():
                    encoded[position] = example
                case TextPair():
                    pairs.append((position, example))
                case PlainText():
                    texts.append((position, example))
                case Conversation():
                    encoded[position] = self._conversation(example)
        encode_pairs = (
            self._joint_pairs if self._options.boundary is Boundary.JOINT else self._separate_pairs
        )
        for group, rows in (
            (pairs, encode_pairs([pair for _, pair in pairs])),
            (texts, self._texts([text for _, text in texts])),
        ):
            for (position, _), row in zip(group, rows, strict=True):
                encoded[position] = row
        return encoded

    def _separate_pairs(self, pairs: Sequence[TextPair]) -> list[EncodedRow | Skipped]:
        rows = []
        prompts = self._ids([pair.prompt for pair in pairs], special_tokens=True)
        responses = self._ids([pair.response for pair in pairs], special_tokens=False)
        for pair, prompt, response in zip(pairs, prompts, responses, strict=True):
            if self._eos_id is not None:
                if prompt[-1:] == [self._eos_id] and not pair.prompt.endswith(self._eos_text):
                    prompt = prompt[:-1]  # some tokenizers end every text in EOS
                if response[-1:] != [self._eos_id]:
                    response = [*response, self._eos_id]
            control = self._spells_control_token(pair.prompt, pair.response)
            mask = [False] * len(prompt) + [True] * len(response)
            rows.append(self._finished(prompt + response, mask, control))
        return rows

    def _joint_pairs(self, pairs: Sequence[TextPair]) -> list[EncodedRow | Skipped]:
        rows = []
        prompts = self._ids([pair.prompt for pair in pairs], special_tokens=True)
        wholes = self._ids(
            [pair.prompt + self._with_eos(pair.response) for pair in pairs], special_tokens=True
        )
        for pair, prompt, whole in zip(pairs, prompts, wholes, strict=True):
            start = _common_prefix_length(prompt, whole)
            control = self._spells_control_token(pair.prompt, pair.response)
            mask = [position >= start for position in range(len(whole))]
            rows.append(self._finished(whole, mask, control))
        return rows

    def _texts(self, texts: Sequence[PlainText]) -> list[EncodedRow | Skipped]:
        wholes = self._ids([self._with_eos(text.text) for text in texts], special_tokens=True)
        return [
            self._finished(whole, [True] * len(whole), self._spells_control_token(text.text))
            for text, whole in zip(texts, wholes, strict=True)
        ]

    def _conversation(self, conversation: Conversation) -> EncodedRow | Skipped:
        template = self._template(conversation)
        chat = ChatRenderer(self._tokenizer, template, self._special_token)
        control = self._spells_control_token(
            *(str(message["content"] or "") for message in conversation.messages)
        )
        try:
            if self._options.targets is Targets.ALL:
                ids, _ = self._tokens(chat.whole(conversation))
                mask = [True] * len(ids)
            elif self._options.boundary is Boundary.JOINT and conversation.first_target:
                # TRL's completion mask: everything that isn't the prompt, whoever says it.
                ids, _ = self._tokens(chat.whole(conversation))
                prompt, _ = self._tokens(chat.prompt(conversation, conversation.first_target))
                start = _common_prefix_length(prompt, ids)
                mask = [position >= start for position in range(len(ids))]
            elif (reason := _nothing_to_learn(conversation)) is not None:
                return Skipped(reason)
            elif has_generation_markers(template):
                ids, mask = chat.tokenize_with_markers(conversation)
            else:
                text = chat.whole(conversation)
                spans = chat.assistant_spans(conversation, text, self._max_characters)
                ids, offsets = self._tokens(text)
                mask = token_mask(offsets, spans)
        except UnrenderableError as error:
            self.template_problem = self.template_problem or str(error)
            return Skipped(SkipReason.CHAT_TEMPLATE)
        return self._finished(ids, mask, control)

    def _tokens(self, rendered: str) -> tuple[list[int], list[Span]]:
        """Token ids of a rendered conversation, with their character offsets."""
        tokens = self._tokenizer(
            rendered[: self._max_characters],
            add_special_tokens=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        return tokens["input_ids"], tokens["offset_mapping"]

    def _template(self, conversation: Conversation) -> str:
        if self._options.chat_template is not None:
            return self._options.chat_template
        try:
            tools: Any = conversation.tools
            template: str = self._tokenizer.get_chat_template(tools=tools)
        except ValueError:
            raise ModelError(
                "The rows are conversations, and the model's tokenizer has no chat template.",
                "Name the template that training will use with --chat-template FILE, or use the "
                "instruction-tuned variant of the model.",
            ) from None
        return template

    def _finished(
        self, ids: Sequence[int], mask: Sequence[bool], control: bool
    ) -> EncodedRow | Skipped:
        kept = self._options.max_length
        target_mask = np.asarray(mask[:kept], dtype=np.bool_)
        if self._options.targets is Targets.ALL:
            target_mask = np.ones_like(target_mask)
        target_mask[:1] = False
        if not target_mask.any():
            cut = len(ids) > kept
            return Skipped(SkipReason.TARGET_TRUNCATED if cut else SkipReason.EMPTY_RESPONSE)
        return EncodedRow(
            np.asarray(ids[:kept], dtype=np.int32), target_mask, len(ids) > kept, control
        )

    def _ids(self, texts: list[str], *, special_tokens: bool) -> list[list[int]]:
        if not texts:
            return []
        clipped = [text[: self._max_characters] for text in texts]
        # verbose=False: a row longer than the model's window is ours to report, once.
        encoded = self._tokenizer(clipped, add_special_tokens=special_tokens, verbose=False)
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def _with_eos(self, text: str) -> str:
        return text if text.endswith(self._eos_text) else text + self._eos_text

    def _spells_control_token(self, *texts: str) -> bool:
        return any(self._special_token.search(text) for text in texts)


def _nothing_to_learn(conversation: Conversation) -> SkipReason | None:
    """Why a conversation has no target, if it has none."""
    turns = [conversation.messages[turn] for turn in conversation.target_turns]
    if not turns:
        own = (turn for turn in conversation.untrained if turn >= conversation.first_target)
        excluded = any(conversation.messages[turn]["role"] == "assistant" for turn in own)
        return SkipReason.NOT_TRAINED if excluded else SkipReason.NO_ASSISTANT_TURN
    if not any(turn["content"] or turn.get("tool_calls") for turn in turns):
        return SkipReason.EMPTY_RESPONSE
    return None


def _special_token_pattern(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    tokens = {
        token.content for token in tokenizer.added_tokens_decoder.values() if token.special
    } | set(tokenizer.all_special_tokens)
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    # A tokenizer without special tokens gets a pattern that never matches.
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _common_prefix_length(ids: Sequence[int], other_ids: Sequence[int]) -> int:
    for position, (one, other) in enumerate(zip(ids, other_ids, strict=False)):
        if one != other:
            return position
    return min(len(ids), len(other_ids))
