"""Conversations: rendering with a chat template, and finding the assistant's spans.

A template with `{% generation %}` markers says itself which tokens the assistant wrote. For others
the spans follow from rendering the conversation turn by turn: a turn starts where the rendering of
all turns before it, with the generation prompt, ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from gradsentry.records import Conversation, Message

_GENERATION_MARKER = re.compile(r"\{%-?\s*generation\s*-?%\}")

Span = tuple[int, int]


class UnrenderableError(Exception):
    """The template refuses a conversation, or rewrites earlier turns beyond recognition."""


def has_generation_markers(template: str) -> bool:
    """Whether a chat template marks what the assistant wrote."""
    return _GENERATION_MARKER.search(template) is not None


def tokenize_with_markers(
    tokenizer: PreTrainedTokenizerBase, template: str, conversation: Conversation
) -> tuple[list[int], list[bool]]:
    """Token ids and assistant mask from a template with generation markers, as TRL has them."""
    try:
        encoded: Any = tokenizer.apply_chat_template(
            _plain(conversation.messages),
            chat_template=template,
            tools=_tools(conversation),
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        mask = [bool(bit) for bit in encoded["assistant_masks"]]
        if conversation.first_target:
            prompt = render(tokenizer, template, conversation, conversation.first_target, True)
            start = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
            mask = [bit and position >= start for position, bit in enumerate(mask)]
    except (TemplateError, TypeError, ValueError, KeyError) as error:
        raise UnrenderableError(str(error)) from error
    return list(encoded["input_ids"]), mask


def render(
    tokenizer: PreTrainedTokenizerBase,
    template: str,
    conversation: Conversation,
    turns: int,
    generation_prompt: bool,
) -> str:
    """The first `turns` messages as text.

    **Raises:**

    `UnrenderableError` if the template refuses them.
    """
    try:
        text = tokenizer.apply_chat_template(
            _plain(conversation.messages[:turns]),
            chat_template=template,
            tools=_tools(conversation),
            tokenize=False,
            add_generation_prompt=generation_prompt,
        )
    except (TemplateError, TypeError, ValueError, KeyError) as error:
        raise UnrenderableError(str(error)) from error
    return str(text)


def assistant_spans(
    tokenizer: PreTrainedTokenizerBase,
    template: str,
    conversation: Conversation,
    special_token: re.Pattern[str],
) -> tuple[str, list[Span]]:
    """The rendered conversation and the character spans of its target turns.

    A span runs from the end of the generation prompt to the end of the turn's closing token;
    whitespace that the template puts behind that token isn't the assistant's.

    **Raises:**

    `UnrenderableError` if no such span can be found.
    """
    messages = conversation.messages
    text = render(tokenizer, template, conversation, len(messages), False)
    spans = []
    for turn in conversation.target_turns:
        before = render(tokenizer, template, conversation, turn, True)
        if not text.startswith(before):
            # Some templates open the assistant's turn differently when it is still to come.
            before = render(tokenizer, template, conversation, turn, False)
            if not text.startswith(before):
                raise UnrenderableError("earlier turns are rendered differently later on")
        start = len(before)
        through = render(tokenizer, template, conversation, turn + 1, False)
        if text.startswith(through):
            end = len(through.rstrip()) if special_token.search(through[start:]) else len(through)
        else:
            end = _end_of_content(text, start, messages[turn].get("content"), special_token)
        spans.append((start, max(end, start)))
    return text, spans


def token_mask(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """Which tokens lie in a span, from their character offsets (start, end)."""
    return [
        any(start >= first and end <= last and end > start for first, last in spans)
        for start, end in offsets
    ]


def _end_of_content(text: str, start: int, content: object, special_token: re.Pattern[str]) -> int:
    """The end of a turn that later turns change, by its own words (Qwen 3 drops its thoughts)."""
    words = str(content or "").strip()
    position = text.find(words, start) if words else -1
    if position < 0:
        raise UnrenderableError("a turn's text isn't found in the whole conversation")
    end = position + len(words)
    closing = special_token.match(text, end)
    return closing.end() if closing else end


def _plain(messages: Sequence[Message]) -> Any:
    """Messages as the templates expect them, whatever mapping they came as."""
    return [dict(message) for message in messages]


def _tools(conversation: Conversation) -> list[Any] | None:
    return None if conversation.tools is None else [dict(tool) for tool in conversation.tools]
