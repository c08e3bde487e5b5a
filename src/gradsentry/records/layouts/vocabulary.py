"""The column names that trainers read, by what they hold.

A column with one of these names, and text in it, is never ignored in silence: the layout reads it,
or the data is refused. Names are compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Mapping

TURNS = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns")
"""Columns with lists of messages."""

SYSTEMS = ("system", "system_prompt", "system_message")
OPTIONS = ("options", "choices")
REASONINGS = (
    "reasoning",
    "reasoning_content",
    "rationale",
    "cot",
    "cot_content",
    "complex_cot",
    "chain_of_thought",
    "thinking",
    "thought",
)

PROMPTS = frozenset(
    {
        *SYSTEMS,
        *OPTIONS,
        "prompt",
        "instruction",
        "input",
        "inputs",
        "query",
        "question",
        "context",
        "article",
        "document",
        "passage",
        "problem",
        "history",
        "unanswerable_question",
        "question_stem",
        "message_1",
        "src",
        "tools",
        "functions",
        "chat_template_kwargs",
    }
)
"""Names of what comes before the answer."""

TARGETS = frozenset(
    {
        *TURNS,
        *REASONINGS,
        "response",
        "responses",
        "completion",
        "completions",
        "output",
        "outputs",
        "answer",
        "answers",
        "generation",
        "target",
        "targets",
        "chosen",
        "chosen_response",
        "chosen_conversations",
        "chosen_messages",
        "rejected",
        "rejected_response",
        "rejected_conversations",
        "rejected_messages",
        "preferred_output",
        "non_preferred_output",
        "reference_answer",
        "answerkey",
        "highlights",
        "generated_solution",
        "assistant",
        "text",
        "content",
        "code",
        "solution",
        "summary",
        "tgt",
        "message_2",
        "revision",
        "reflection",
        "corrected",
        "critiques",
        "explanation",
        "segments",
        "input_ids",
    }
)
"""Names of what may be trained on."""

_READ = PROMPTS | TARGETS

_JSON = ("tools", "functions", "chat_template_kwargs")
_NOTHING = ("[]", "{}", "null")

MEDIA = ("image", "images", "video", "videos", "audio", "audios")

LABELS = ("label", "kto_tag")
"""Columns of KTO data that say whether an answer is desired."""

METADATA = frozenset(
    {
        "id",
        "idx",
        "index",
        "uuid",
        "uid",
        "key",
        "hash",
        "sha256",
        "md5",
        "name",
        "source",
        "origin",
        "dataset",
        "split",
        "subset",
        "category",
        "type",
        "tag",
        "lang",
        "language",
        "locale",
        "license",
        "version",
        "url",
        "link",
        "date",
        "time",
        "timestamp",
        "created",
        "created_at",
        "updated_at",
        "author",
        "speaker",
        "sender",
        "recipient",
        "channel",
        "user",
        "model",
        "provider",
        "emotion",
        "sentiment",
        "intent",
        "status",
        "finish_reason",
        "stop_reason",
    }
)
"""Names of what describes a row or a turn and is no part of it."""


_SENTENCE_WORDS = 5
"""More than a name, a date or a category has."""


def is_metadata(name: str) -> bool:
    """Whether a column or key describes its row rather than being a part of it."""
    folded = name.casefold()
    return folded in METADATA or folded.endswith("_id")


def fold(name: str) -> str:
    """A name without its capitals and the blanks around it, as names are compared."""
    return name.strip().casefold()


def fold_names(fields: Mapping[str, object]) -> dict[str, str]:
    """The columns that have a known name but for capitals or blanks, with that name."""
    known = {*_READ, *LABELS, *MEDIA, *METADATA, *_JSON}
    folded = [fold(str(name)) for name in fields]
    return {
        name: fold(str(name))
        for name in fields
        if name != fold(str(name))
        and fold(str(name)) in known
        and folded.count(fold(str(name))) == 1
    }


def holds_text(value: object) -> bool:
    """Whether a value may hold text: it is no blank text, and no empty list or mapping."""
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, list | tuple | Mapping) and len(value) > 0


def holds_words(value: object) -> bool:
    """Whether there is text in a value, however deep, other than what describes it."""
    if isinstance(value, Mapping):
        return any(holds_words(inner) for key, inner in value.items() if not is_metadata(str(key)))
    if isinstance(value, list | tuple):
        return any(map(holds_words, value))
    return isinstance(value, str) and bool(value.strip())


def holds_sentence(value: object) -> bool:
    """Whether there is a text of several words in a value, however deep."""
    if isinstance(value, Mapping):
        return any(map(holds_sentence, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_sentence, value))
    return isinstance(value, str) and len(value.split()) >= _SENTENCE_WORDS


def known_columns(fields: Mapping[str, object]) -> list[str]:
    """The columns whose names trainers read, with text in them."""
    return [
        column
        for column, value in fields.items()
        if (folded := fold(str(column))) in _READ
        and holds_text(value)
        and not (folded in TURNS and _is_name(value))
        and not (folded in _JSON and isinstance(value, str) and value.strip() in _NOTHING)
        and not (folded in REASONINGS and is_switch(value))
    ]


def is_switch(value: object) -> bool:
    """Whether it says that there is reasoning, as in Nemotron's data, and is none."""
    return isinstance(value, str) and value.strip().casefold() in ("on", "off")


def _is_name(value: object) -> bool:
    """Whether it is one word: a conversation's name, and no conversation."""
    return isinstance(value, str) and len(value.split()) == 1 and not value.startswith("[")


REJECTED = (
    "rejected",
    "rejected_response",
    "rejected_conversations",
    "rejected_messages",
    "non_preferred_output",
)
"""Columns with the answer of a preference pair that training moves away from."""
