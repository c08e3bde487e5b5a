"""Column layouts: how a row's columns become an example.

`detect` chooses by the columns of the first row. Optional columns (a context, an input, a system
prompt) are looked for in every row, since JSON rows may carry them or not.
"""

from gradsentry.records.layouts.conversations import (
    History,
    Messages,
    OpenAiPreference,
    Preference,
)
from gradsentry.records.layouts.layout import Form, Layout, rename_columns
from gradsentry.records.layouts.layout_choice import choose_layout, detect
from gradsentry.records.layouts.messages import ASSISTANT, SYSTEM, USER, spoken
from gradsentry.records.layouts.pairs import (
    Answer,
    PromptResponse,
    PromptStyle,
    Segments,
    Template,
    Text,
)
from gradsentry.records.layouts.prompts import (
    question_instruction,
    question_prompt,
    template_columns,
)
from gradsentry.records.layouts.unread import UnreadLater

__all__ = [
    "ASSISTANT",
    "SYSTEM",
    "USER",
    "Answer",
    "Form",
    "History",
    "Layout",
    "Messages",
    "OpenAiPreference",
    "Preference",
    "PromptResponse",
    "PromptStyle",
    "Segments",
    "Template",
    "Text",
    "UnreadLater",
    "choose_layout",
    "detect",
    "question_instruction",
    "question_prompt",
    "rename_columns",
    "spoken",
    "template_columns",
]
