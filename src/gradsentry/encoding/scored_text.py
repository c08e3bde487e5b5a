"""The text of a row as far as it was encoded: what lies behind is neither trained on nor judged."""

from __future__ import annotations

from dataclasses import replace

from transformers import PreTrainedTokenizerBase

from gradsentry.records import Conversation, Example, Message, PlainText, TextPair

_PARTIAL = "\ufffd"
_MOST_LOST = 4
"""Characters that one of a decoded text may have been, where tokenizer or template change texts."""


def decoded(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    """The text of tokens, without special ones."""
    text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert isinstance(text, str)
    return text


def scored_part(example: Example, seen: str) -> Example:
    """An example that was cut off, up to the last of its tokens.

    **Arguments:**

    - `seen`: the decoded text of its tokens, without special ones.
    """
    seen = seen.rstrip(_PARTIAL)  # a character that was cut through
    match example:
        case TextPair(prompt, response):
            kept = _kept(prompt + response, seen)
            return TextPair(prompt[:kept], response[: max(0, kept - len(prompt))])
        case PlainText(text):
            return PlainText(text[: _kept(text, seen)])
        case Conversation():
            return replace(example, messages=_cut_turns(example, seen))
        case _:
            return example


def _kept(text: str, seen: str) -> int:
    """Characters of a text that its decoded tokens spell."""
    dropped = len(text) - len(text.lstrip())  # some tokenizers drop the first space
    for start in (0, min(1, dropped), dropped):
        if text.startswith(seen, start):
            return start + len(seen)
    return _MOST_LOST * len(seen)


def _cut_turns(example: Conversation, seen: str) -> list[Message]:
    """The messages up to the one that was cut, and what was seen of that."""
    messages: list[Message] = []
    place, left = 0, _MOST_LOST * len(seen)
    for message in example.messages:
        content = message["content"]
        if isinstance(content, str):
            own = content.strip()  # as many templates have it
            found = seen.find(own, place)
            if found >= 0:
                place, kept = found + len(own), min(left, len(content))
            elif begun := _begun(own, seen[place:]):
                kept = content.index(own) + begun
            else:  # behind the cut, unless the template has changed it
                changed = len(own) <= min(left, _MOST_LOST * (len(seen) - place))
                kept = len(content) if changed else 0
            messages.append({**message, "content": content[:kept]})
            if kept < len(content):
                break
            left -= kept
        else:
            messages.append(message)
    return messages


def _begun(text: str, seen: str) -> int:
    """The longest beginning of a text that ends another one."""
    text = text[: len(seen)]
    borders = [0] * len(text)
    length = 0
    for place, character in enumerate(text[1:], 1):
        while length and (length == len(text) or text[length] != character):
            length = borders[length - 1]
        length += text[length] == character
        borders[place] = length
    length = 0
    for character in seen if text else "":
        while length and (length == len(text) or text[length] != character):
            length = borders[length - 1]
        length += text[length] == character
    return length
