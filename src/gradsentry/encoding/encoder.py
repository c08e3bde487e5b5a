"""From examples to token ids and target masks, as a trainer makes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from jinja2 import TemplateSyntaxError
from transformers import PreTrainedTokenizerBase

from gradsentry.encoding.chat import ChatRenderer, UnsaidError
from gradsentry.encoding.encoded import EncodedRow, TokenIds
from gradsentry.encoding.encoding_options import Boundary, EncodingOptions, LongText, Targets
from gradsentry.encoding.encoding_tally import EncodingTally
from gradsentry.encoding.said import answers, says_anything, thoughts
from gradsentry.encoding.scored_text import decoded, scored_part
from gradsentry.encoding.template import ChatTemplate, UnrenderableError
from gradsentry.encoding.tokens import TokenizerFailureError, Tokens
from gradsentry.errors import ModelError, OptionError
from gradsentry.records import (
    Conversation,
    Example,
    Message,
    PlainText,
    Skipped,
    SkipReason,
    TextPair,
)


class Encoder:
    """Encodes examples with one tokenizer and one set of options."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, options: EncodingOptions) -> None:
        self._tokenizer = tokenizer
        self._options = options
        self._eos_id: int | None = tokenizer.eos_token_id
        self._eos_text: str = tokenizer.eos_token or ""
        self._special_token = _special_token_pattern(tokenizer)
        self._tokens = Tokens(tokenizer, options.max_length)
        self._chats: dict[str, ChatRenderer] = {}
        self._template_problem: str | None = None
        self._cut_tokens = self._cut_characters = 0

    def take_tally(self) -> EncodingTally:
        """What there is to say of the rows encoded since this was last asked for.

        A problem, or that a template wrote the date, is told again with later rows.
        """
        tally = EncodingTally(
            self._template_problem,
            self._tokens.problem,
            any(chat.writes_date for chat in self._chats.values()),
            self._cut_tokens,
            self._cut_characters,
        )
        self._cut_tokens = self._cut_characters = 0
        return tally

    def encode(self, examples: Sequence[Example]) -> list[EncodedRow | Skipped]:
        """Encode a batch; the tokenizer works on it in parallel.

        **Raises:**

        `ModelError` if a conversation comes and the tokenizer has no chat template that is one,
        `OptionError` if the one that was named isn't.
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
                    encoded[position] = self._encode_conversation(example)
        encode_pairs = (
            self._encode_jointly
            if self._options.boundary is Boundary.JOINT
            else self._encode_separately
        )
        for group, rows in (
            (pairs, encode_pairs([pair for _, pair in pairs])),
            (texts, self._encode_texts([text for _, text in texts])),
        ):
            for (position, _), row in zip(group, rows, strict=True):
                encoded[position] = row
        return encoded

    def windows(self, example: Example) -> list[tuple[int, Example]]:
        """The examples that a row is encoded as, each with its first character's place in the text.

        That is the row itself, but for documents that are to be read in windows.
        """
        if not isinstance(example, PlainText) or self._options.long_text is LongText.CUT:
            return [(0, example)]
        pieces = self._tokens.windows(example.text)
        places = [0, *accumulate(map(len, pieces))]
        last = len(pieces) - 1
        return [
            (place, PlainText(piece, example.ends and number == last))
            for number, (place, piece) in enumerate(zip(places, pieces, strict=False))
        ] or [(0, example)]

    def seen_part(self, example: Example, token_ids: TokenIds) -> Example:
        """An example up to the last of the tokens that it was encoded as."""
        return scored_part(example, decoded(self._tokenizer, token_ids.tolist()))

    def request(self, text: str) -> str | None:
        """A bare request as the model's own chat template writes it; None if it can't."""
        try:
            chat = self._chat(self._tokenizer.get_chat_template())
            messages: list[Message] = [{"role": "user", "content": text}]
            return chat.render(Conversation(messages), messages, True).text
        except (ValueError, ModelError, OptionError, UnrenderableError):
            return None

    def _encode_separately(self, pairs: Sequence[TextPair]) -> list[EncodedRow | Skipped]:
        rows: list[EncodedRow | Skipped] = []
        prompts = self._tokenize([pair.prompt for pair in pairs], special_tokens=True)
        responses = self._tokenize([pair.response for pair in pairs], special_tokens=False)
        for pair, prompt, response in zip(pairs, prompts, responses, strict=True):
            if prompt is None or response is None:
                rows.append(Skipped(SkipReason.TOKENIZER))
                continue
            if self._eos_id is not None:
                if prompt[-1:] == [self._eos_id] and not pair.prompt.endswith(self._eos_text):
                    prompt = prompt[:-1]  # some tokenizers end every text in EOS
                if response[-1:] != [self._eos_id]:
                    response = [*response, self._eos_id]
            mask = [False] * len(prompt) + [True] * len(response)
            rows.append(self._finish(prompt + response, mask, (pair.prompt, pair.response)))
        return rows

    def _encode_jointly(self, pairs: Sequence[TextPair]) -> list[EncodedRow | Skipped]:
        rows: list[EncodedRow | Skipped] = []
        prompts = self._tokenize([pair.prompt for pair in pairs], special_tokens=True)
        wholes = self._tokenize(
            [pair.prompt + self._with_eos(pair.response) for pair in pairs], special_tokens=True
        )
        for pair, prompt, whole in zip(pairs, prompts, wholes, strict=True):
            if prompt is None or whole is None:
                rows.append(Skipped(SkipReason.TOKENIZER))
                continue
            start = _common_prefix_length(prompt, whole)
            mask = [position >= start for position in range(len(whole))]
            rows.append(self._finish(whole, mask, (pair.prompt, pair.response)))
        return rows

    def _encode_texts(self, texts: Sequence[PlainText]) -> list[EncodedRow | Skipped]:
        wholes = self._tokenize(
            [self._with_eos(text.text) if text.ends else text.text for text in texts],
            special_tokens=True,
        )
        return [
            Skipped(SkipReason.TOKENIZER)
            if whole is None
            else self._finish(whole, [True] * len(whole), (text.text,))
            for text, whole in zip(texts, wholes, strict=True)
        ]

    def _encode_conversation(self, conversation: Conversation) -> EncodedRow | Skipped:
        chat = self._chat(self._template(conversation))
        try:
            return self._encode_rendered(conversation, chat)
        except UnsaidError:
            return Skipped(SkipReason.UNRENDERED)
        except UnrenderableError as error:
            self._template_problem = self._template_problem or str(error)
            return Skipped(SkipReason.CHAT_TEMPLATE)
        except TokenizerFailureError:
            return Skipped(SkipReason.TOKENIZER)

    def _encode_rendered(
        self, conversation: Conversation, chat: ChatRenderer
    ) -> EncodedRow | Skipped:
        everything = self._options.targets is Targets.ALL
        joint = self._options.boundary is Boundary.JOINT and conversation.first_target > 0
        if not everything and not joint:
            reason = _nothing_to_learn(conversation)
            if reason is not None:
                return Skipped(reason)
        rendered = chat.whole(conversation)
        if everything or joint:
            ids = self._tokens.ids(rendered.text)
            dropped = chat.check_said(conversation, rendered)
            start = 0
            if not everything:
                # TRL's completion mask: everything that isn't the prompt, whoever says it.
                prompt = self._tokens.ids(chat.prompt(conversation))
                start = _common_prefix_length(prompt, ids)
            mask = [position >= start for position in range(len(ids))]
        else:
            targets = chat.targets(conversation, rendered)
            masked = self._tokens.marked if chat.has_markers else self._tokens.within
            ids, mask = masked(rendered.text, targets.spans)
            dropped = targets.thoughts_dropped
        own = tuple(text for message in conversation.messages for text in _texts_of(message))
        return self._finish(ids, mask, own, dropped)

    def _chat(self, template: str) -> ChatRenderer:
        if template not in self._chats:
            try:
                compiled = ChatTemplate(template)
            except TemplateSyntaxError as error:
                problem = f"is no valid Jinja template (line {error.lineno}: {error.message})."
                if self._options.chat_template is None:
                    raise ModelError(
                        f"The model's chat template {problem}",
                        "Name another with `chat_template`.",
                    ) from None
                raise OptionError(
                    f"The chat template {problem}",
                    "Mend it, or name another with `chat_template`.",
                ) from None
            special: dict[str, Any] = self._tokenizer.special_tokens_map
            self._chats[template] = ChatRenderer(compiled, special, self._special_token)
        return self._chats[template]

    def _template(self, conversation: Conversation) -> str:
        if self._options.chat_template is not None:
            return self._options.chat_template
        try:
            tools: Any = conversation.tools
            template: str = self._tokenizer.get_chat_template(tools=tools)
        except ValueError:
            raise ModelError(
                "The rows are conversations, and the model's tokenizer has no chat template.",
                "Name the template that training will use with `chat_template`, or use the "
                "instruction-tuned variant of the model.",
            ) from None
        return template

    def _finish(
        self,
        ids: Sequence[int],
        mask: Sequence[bool],
        texts: Sequence[str],
        thoughts_dropped: bool = False,
    ) -> EncodedRow | Skipped:
        """A row, or why it isn't any.

        **Arguments:**

        - `texts`: what the row itself says.
        """
        kept = self._options.max_length
        target_mask = np.asarray(mask[:kept], dtype=np.bool_)
        if self._options.targets is Targets.ALL:
            target_mask = np.ones_like(target_mask)
        target_mask[:1] = False
        cut, characters = len(ids) > kept, self._tokens.max_characters
        if cut:
            self._cut_tokens += len(ids)
            self._cut_characters += min(sum(map(len, texts)), characters)
        if not target_mask.any():
            return Skipped(SkipReason.TARGET_TRUNCATED if cut else SkipReason.EMPTY_RESPONSE)
        control = any(self._special_token.search(text, 0, characters) for text in texts)
        return EncodedRow(
            np.asarray(ids[:kept], dtype=np.int32), target_mask, cut, control, thoughts_dropped
        )

    def _tokenize(self, texts: list[str], *, special_tokens: bool) -> list[list[int] | None]:
        return self._tokens.batch(texts, special_tokens=special_tokens)

    def _with_eos(self, text: str) -> str:
        return text if text.endswith(self._eos_text) else text + self._eos_text


def _texts_of(message: Message) -> list[str]:
    """All that a message says."""
    return [*answers(message), *thoughts(message)]


def _nothing_to_learn(conversation: Conversation) -> SkipReason | None:
    """Why a conversation has no target, if it has none."""
    turns = [conversation.messages[turn] for turn in conversation.target_turns]
    if not turns:
        own = (turn for turn in conversation.untrained if turn >= conversation.first_target)
        excluded = any(conversation.messages[turn]["role"] == "assistant" for turn in own)
        return SkipReason.NOT_TRAINED if excluded else SkipReason.NO_ASSISTANT_TURN
    if not any(map(says_anything, turns)):
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
