"""The user's rows: any layout in, the same layout out, and no row's identity ever lost."""

from gradsentry.records.example import (
    UNJUDGED,
    Conversation,
    Example,
    Message,
    PlainText,
    Skipped,
    SkipReason,
    TextPair,
    prompt_and_response,
)
from gradsentry.records.layouts import (
    Form,
    Layout,
    UnreadLater,
    choose_layout,
    detect,
    question_prompt,
)
from gradsentry.records.opening import open_source
from gradsentry.records.record import Record, batched
from gradsentry.records.shared_text import shared_beginning
from gradsentry.records.source import BoolArray, Source
from gradsentry.records.turns import Part, Turn, parts_of, turns_of, whole_row

__all__ = [
    "UNJUDGED",
    "BoolArray",
    "Conversation",
    "Example",
    "Form",
    "Layout",
    "Message",
    "Part",
    "PlainText",
    "Record",
    "SkipReason",
    "Skipped",
    "Source",
    "TextPair",
    "Turn",
    "UnreadLater",
    "batched",
    "choose_layout",
    "detect",
    "open_source",
    "parts_of",
    "prompt_and_response",
    "question_prompt",
    "shared_beginning",
    "turns_of",
    "whole_row",
]
