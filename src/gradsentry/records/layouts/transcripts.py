"""Conversations in one text, with the speaker's name before each turn, as Glaive writes them."""

from __future__ import annotations

import re

_SPEAKERS = {
    "SYSTEM": "system",
    "USER": "user",
    "ASSISTANT": "assistant",
    "FUNCTION RESPONSE": "function_response",
}
_SPEAKER = re.compile(rf"^({'|'.join(_SPEAKERS)}):", re.MULTILINE)
_END_OF_TURN = "<|endoftext|>"
"""What Glaive ends the assistant's turns with. The chat template writes the model's own."""


def split_transcript(text: str) -> list[dict[str, str]] | None:
    """The turns of a text that begins with a speaker's name; None for another text."""
    before, *parts = _SPEAKER.split(text)
    if before.strip() or not parts:
        return None
    return [
        {"role": _SPEAKERS[speaker], "content": _said(text)}
        for speaker, text in zip(parts[::2], parts[1::2], strict=True)
    ]


def strip_speaker(system: str) -> str:
    """A system prompt that stands in a column of its own, without the speaker's name."""
    return system.strip().removeprefix("SYSTEM:").strip()


def _said(text: str) -> str:
    return text.strip().removesuffix(_END_OF_TURN).strip()
