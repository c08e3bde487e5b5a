"""Texts as token ids, as far as they fit, with what tokenizers may do to them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from gradsentry.encoding.template import Span

_PANIC = "PanicException"
"""The class that a fault inside a tokenizer in Rust comes as; it is no `Exception`."""
_ADDED = 8
"""More special tokens than tokenizers put before and behind a text."""
_GROWTH = 4
_CHARACTERS_OF_TOKEN = 8
"""More than most tokens have."""
_MARGIN = 2
"""Tokens more that a window may have by itself than within its text, and the one that ends it."""


class TokenizerFailureError(Exception):
    """The tokenizer fails on a text."""


class Tokens:
    """Tokenises texts, each only as far as its tokens may fit."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
        self._tokenizer = tokenizer
        self._max_length = max_length
        # Most tokens are far shorter than the longest, so this is nearly always enough.
        longest = max(map(len, tokenizer.get_vocab()), default=1)
        self.max_characters = (max_length + 1) * longest
        """Text behind this is cut off in any case, unless the tokenizer drops what comes before."""
        self.problem: str | None = None
        """What the tokenizer said of the first text that it failed on."""

    def batch(self, texts: Sequence[str], *, special_tokens: bool) -> list[list[int] | None]:
        """Token ids of texts; None where the tokenizer fails."""
        if not texts:
            return []
        try:
            return list(self._batch(texts, special_tokens))
        except TokenizerFailureError:
            return [self._alone(text, special_tokens) for text in texts]

    def ids(self, text: str) -> list[int]:
        """Token ids of a rendered conversation.

        **Raises:**

        `TokenizerFailureError`.
        """
        (ids,) = self._batch([text], False)
        return ids

    def within(self, text: str, spans: Sequence[Span]) -> tuple[list[int], list[bool]]:
        """Token ids of a rendered conversation, and which of them lie in spans.

        **Raises:**

        `TokenizerFailureError`.
        """
        if not self._tokenizer.is_fast:
            return self._by_segments(text, spans)
        ids, offsets = self._with_offsets(text)
        return ids, token_mask(offsets, spans)

    def marked(self, text: str, spans: Sequence[Span]) -> tuple[list[int], list[bool]]:
        """Likewise for spans between generation markers: with what `apply_chat_template` takes for
        the assistant's, too.

        **Raises:**

        `TokenizerFailureError`.
        """
        if not self._tokenizer.is_fast:
            return self._by_segments(text, spans)
        ids, offsets = self._with_offsets(text)
        return ids, marked_mask(offsets, spans)

    def windows(self, text: str) -> list[str]:
        """A text in pieces whose tokens fit, cut between tokens; together they are the text.

        Where the tokenizer fails, or doesn't tell where its tokens lie, pieces are cut anywhere.
        """
        pieces, start = [], 0
        room = max(1, self._max_length - self._tokenizer.num_special_tokens_to_add() - _MARGIN)
        while start < len(text):
            end = self._window_end(text, start, room)
            pieces.append(text[start:end])
            start = end
        return pieces

    def _window_end(self, text: str, start: int, room: int) -> int:
        """Where the tokens end that have room in a window."""
        length = room * _CHARACTERS_OF_TOKEN
        while True:
            try:
                ends = self._ends(text[start : start + length])
            except TokenizerFailureError:
                return min(len(text), start + room)
            if len(ends) > room:
                # A character may be more than one token.
                inside = [end for end in ends[:room] if end < ends[room]]
                return start + max(1, inside[-1] if inside else ends[room])
            if start + length >= len(text):
                return len(text)
            length *= _GROWTH

    def _ends(self, text: str) -> list[int]:
        """Where the tokens of a text end."""
        if self._tokenizer.is_fast:
            tokenised = self._call([text], False, offsets=True)
            return [end for _, end in tokenised["offset_mapping"][0]]
        count = len(self._call([text], False)["input_ids"][0])
        return [len(text) * (token + 1) // max(1, count) for token in range(count)]

    def _batch(self, texts: Sequence[str], special_tokens: bool) -> list[list[int]]:
        limit = self.max_characters
        tokenised: Any = self._call([text[:limit] for text in texts], special_tokens)
        every: list[list[int]] = tokenised["input_ids"]
        for place, text in enumerate(texts):
            if len(text) > limit and self._may_hold_more(every[place]):
                every[place] = self._grown(text, special_tokens)["input_ids"][0]
        return every

    def _alone(self, text: str, special_tokens: bool) -> list[int] | None:
        try:
            return self._batch([text], special_tokens)[0]
        except TokenizerFailureError:
            return None

    def _with_offsets(self, text: str) -> tuple[list[int], list[Span]]:
        tokenised = self._call([text[: self.max_characters]], False, offsets=True)
        if len(text) > self.max_characters and self._may_hold_more(tokenised["input_ids"][0]):
            tokenised = self._grown(text, False, offsets=True)
        return tokenised["input_ids"][0], tokenised["offset_mapping"][0]

    def _may_hold_more(self, ids: Sequence[int]) -> bool:
        """Whether the rest of a text may still fit: some tokenizers drop blanks, for one."""
        return len(ids) <= self._max_length + _ADDED

    def _grown(self, text: str, special_tokens: bool, *, offsets: bool = False) -> Any:
        limit = self.max_characters
        while True:
            limit *= _GROWTH
            tokenised = self._call([text[:limit]], special_tokens, offsets=offsets)
            if limit >= len(text) or not self._may_hold_more(tokenised["input_ids"][0]):
                return tokenised

    def _by_segments(self, text: str, spans: Sequence[Span]) -> tuple[list[int], list[bool]]:
        """For tokenizers that don't tell offsets: what lies in and between spans, each by itself,
        as LLaMA-Factory does."""
        borders = [0, *(place for span in spans for place in span), len(text)]
        ids: list[int] = []
        mask: list[bool] = []
        for number, (start, end) in enumerate(pairwise(borders)):
            if start < end and len(ids) <= self._max_length:
                segment = self.ids(text[start:end])
                ids += segment
                mask += [number % 2 == 1] * len(segment)
        return ids, mask

    def _call(self, texts: list[str], special_tokens: bool, *, offsets: bool = False) -> Any:
        # verbose=False: a row longer than the model's window is ours to report, once.
        asked = {"return_offsets_mapping": True} if offsets else {}
        try:
            return self._tokenizer(texts, add_special_tokens=special_tokens, verbose=False, **asked)
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
                raise
            problem = str(error) or type(error).__name__
            self.problem = self.problem or problem
            raise TokenizerFailureError(problem) from error


def token_mask(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """Which tokens reach into a span, from their character offsets (start, end), both ascending.

    The space before an answer may be the header's, and belongs to the answer's first token.
    """
    mask, current = [], 0
    for start, end in offsets:
        while current < len(spans) and spans[current][1] <= start:
            current += 1
        mask.append(current < len(spans) and spans[current][0] < end and end > start)
    return mask


def marked_mask(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """Which tokens the assistant wrote: those that reach into its spans, and what
    `apply_chat_template` takes for its besides.

    That takes of a span's last character only the first token, and nothing any more behind a span
    whose first character has no token. What it leaves out so is text of the assistant's all the
    same, which a trainer that looks closer learns.
    """
    mask = np.zeros(len(offsets), np.bool_)
    starts, ends = np.asarray(offsets, np.int64).reshape(-1, 2).T
    told = True
    for start, end in spans:
        if start < end:
            reach = np.searchsorted(ends, start, side="right"), np.searchsorted(starts, end)
            mask[reach[0] : reach[1]] = True
        first = _token_at(starts, ends, start) if told else None
        told = first is not None
        if told:
            last = _token_at(starts, ends, end - 1)
            # It takes a character without a token for the end of the text.
            mask[first : last + 1 if last else len(offsets)] = True
    found: list[bool] = mask.tolist()
    return found


def _token_at(starts: Any, ends: Any, character: int) -> int | None:
    place = int(np.searchsorted(ends, character, side="right"))
    return place if place < len(starts) and starts[place] <= character else None
