"""Conversations: rendering with a chat template, and finding the assistant's spans.

A template with `{% generation %}` markers says itself which tokens the assistant wrote. For others
the spans follow from rendering the conversation turn by turn: a turn starts where the rendering of
all turns before it, with the generation prompt, ends.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError
from transformers import PreTrainedTokenizerBase

from gradsentry.errors import OptionError
from gradsentry.records import Conversation, Message

_GENERATION_MARKER = re.compile(r"\{%-?\s*generation\s*-?%\}")

_MARKER_MESSAGE: Message = {"role": "user", "content": "gradsentry-end-of-turn"}

Span = tuple[int, int]


class UnrenderableError(Exception):
    """The template refuses a conversation, or rewrites earlier turns beyond recognition."""


def has_generation_markers(template: str) -> bool:
    """Whether a chat template marks what the assistant wrote."""
    return _GENERATION_MARKER.search(template) is not None


class ChatRenderer:
    """Renders conversations with one tokenizer and one template."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, template: str, special_token: re.Pattern[str]
    ) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._special_token = special_token

    def render(
        self, conversation: Conversation, messages: Sequence[Message], generation_prompt: bool
    ) -> str:
        """Messages as text, with the conversation's tools.

        **Raises:**

        `UnrenderableError` if the template refuses them, `OptionError` if it is no template.
        """
        with template_errors():
            text = self._tokenizer.apply_chat_template(
                _plain(messages),
                chat_template=self._template,
                tools=_tools(conversation),
                tokenize=False,
                add_generation_prompt=generation_prompt,
            )
        return str(text)

    def whole(self, conversation: Conversation) -> str:
        """The whole conversation as text."""
        return self.render(conversation, conversation.messages, False)

    def prompt(self, conversation: Conversation, turns: int) -> str:
        """The first `turns` messages, with the prompt for the assistant's next one."""
        return self.render(conversation, conversation.messages[:turns], True)

    def tokenize_with_markers(self, conversation: Conversation) -> tuple[list[int], list[bool]]:
        """Token ids and assistant mask from a template with generation markers, as TRL has them."""
        with template_errors():
            encoded: Any = self._tokenizer.apply_chat_template(
                _plain(conversation.messages),
                chat_template=self._template,
                tools=_tools(conversation),
                tokenize=True,
                return_dict=True,
                return_assistant_tokens_mask=True,
            )
        mask = [bool(bit) for bit in encoded["assistant_masks"]]
        if conversation.first_target:
            prompt = self.prompt(conversation, conversation.first_target)
            start = len(self._tokenizer(prompt, add_special_tokens=False)["input_ids"])
            mask = [bit and position >= start for position, bit in enumerate(mask)]
        return list(encoded["input_ids"]), mask

    def assistant_spans(
        self, conversation: Conversation, text: str, max_characters: int
    ) -> list[Span]:
        """The character spans of the target turns in a whole conversation's text.

        A span runs from the end of the generation prompt to the end of the turn's closing token;
        whitespace that the template puts behind that token isn't the assistant's. Turns that
        start behind `max_characters` are left out.

        **Raises:**

        `UnrenderableError` if a span can't be found, or doesn't hold what the turn says.
        """
        spans = []
        for turn in conversation.target_turns:
            start = self._start(conversation, text, turn)
            if start > max_characters:
                break  # rendering every turn's past is quadratic, and cut-off turns don't train
            end = self._end(conversation, text, turn, start)
            _check_content(conversation.messages[turn], text[start:end])
            spans.append((start, end))
        return spans

    def _start(self, conversation: Conversation, text: str, turn: int) -> int:
        if turn == 0:  # most templates render no conversation without messages
            header = self.render(conversation, [_MARKER_MESSAGE], True).removeprefix(
                self.render(conversation, [_MARKER_MESSAGE], False)
            )
            if header and header in text:
                return text.index(header) + len(header)
            raise UnrenderableError("the template doesn't say where an opening turn starts")
        # Some templates open the assistant's turn differently when it is still to come.
        for generation_prompt in (True, False):
            before = self.render(conversation, conversation.messages[:turn], generation_prompt)
            if text.startswith(before):
                return len(before)
        raise UnrenderableError("earlier turns are rendered differently later on")

    def _end(self, conversation: Conversation, text: str, turn: int, start: int) -> int:
        through = self.render(conversation, conversation.messages[: turn + 1], False)
        if not text.startswith(through):
            through = self._through_earlier_turn(conversation, turn)
            if not text.startswith(through) or len(through) <= start:
                raise UnrenderableError("a turn is rendered differently later on")
        if self._special_token.search(through[start:]):
            return len(through.rstrip())
        return len(through)

    def _through_earlier_turn(self, conversation: Conversation, turn: int) -> str:
        """The text up to a turn's end, rendered as a turn that a user's message follows.

        Qwen 3 and others drop the thoughts of such turns. A marker as the user's message tells
        where the next turn starts: once behind this turn, once in its place, for the header.
        """
        earlier, marker = list(conversation.messages[:turn]), _MARKER_MESSAGE
        words = str(marker["content"])
        behind = self.render(
            conversation, [*earlier, conversation.messages[turn], marker], False
        ).partition(words)[0]
        instead = self.render(conversation, [*earlier, marker], False).partition(words)[0]
        header = instead.removeprefix(self.render(conversation, earlier, False))
        return behind.removesuffix(header) if behind.endswith(header) else ""


def _check_content(message: Message, span: str) -> None:
    """Refuse a span without the turn's last word; its first ones may be thoughts, and dropped."""
    words = str(message["content"] or "").split()
    if words and words[-1] not in span:
        raise UnrenderableError("the template leaves out what the assistant says")


@contextlib.contextmanager
def template_errors() -> Iterator[None]:
    """What a template raises, as `UnrenderableError`, or `OptionError` if it is no template."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise OptionError(
            f"The chat template is no valid Jinja template (line {error.lineno}: {error.message}).",
            "Mend it, or name another with --chat-template.",
        ) from None
    except (TemplateError, TypeError, ValueError, KeyError, RecursionError) as error:
        raise UnrenderableError(str(error)) from error


def token_mask(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """Which tokens lie in a span, from their character offsets (start, end), both ascending."""
    mask, current = [], 0
    for start, end in offsets:
        while current < len(spans) and spans[current][1] <= start:
            current += 1
        inside = current < len(spans) and spans[current][0] <= start and end <= spans[current][1]
        mask.append(inside and end > start)
    return mask


def _plain(messages: Sequence[Message]) -> Any:
    """Messages as the templates expect them, whatever mapping they came as."""
    return [dict(message) for message in messages]


def _tools(conversation: Conversation) -> list[Any] | None:
    return None if conversation.tools is None else [dict(tool) for tool in conversation.tools]
