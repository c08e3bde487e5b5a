"""The forms that a row's columns suit: every one of them, in whatever way it can be read.

Each function here is named in `registry.LAYOUTS`, beside those of other packages. Which of the
forms it is, `layout_choice` decides; the order among them decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradsentry.records.layouts.conversations import (
    Calls,
    History,
    Messages,
    OpenAiPreference,
    Preference,
)
from gradsentry.records.layouts.layout import Form
from gradsentry.records.layouts.messages import ASSISTANT, parse_turns, spoken
from gradsentry.records.layouts.pairs import (
    LISTED_ANSWERS,
    Answer,
    PromptResponse,
    PromptStyle,
    Segments,
    Text,
)
from gradsentry.records.layouts.transcripts import split_transcript
from gradsentry.records.layouts.vocabulary import (
    OPTIONS,
    REASONINGS,
    SYSTEMS,
    TURNS,
    holds_text,
    is_switch,
)

Fields = Mapping[str, object]

_ANSWERS = ("response", "completion", "output", "chosen", "chosen_response")
_PAIRS: dict[str, tuple[str, ...]] = {
    "prompt": (*_ANSWERS, "generation", "answer"),
    "instruction": (*_ANSWERS, "answer", "revision"),
    "question": (
        *_ANSWERS,
        *LISTED_ANSWERS,
        "answerkey",
        "solution",
        "explanation",
        "generated_solution",
    ),
    "question_stem": ("answerkey",),
    "query": (*_ANSWERS, *LISTED_ANSWERS),
    "input": (*_ANSWERS, "answer", "target"),
    "inputs": ("targets", "target", "outputs"),
    "problem": ("solution", "generated_solution", "answer", "response"),
    "article": ("summary", "highlights"),
    "document": ("summary",),
    "dialogue": ("summary",),
    "source": ("target",),
    "src": ("tgt",),
    "message_1": ("message_2",),
    "context": ("response",),
    "user": ("assistant",),
}
"""Columns with the prompt, and those with its response that trainers read beside them."""

_CONTEXTS = ("input", "context")
_QUESTION_CONTEXTS = ("context", "article", "passage", "category")
_REJECTED = {
    "chosen": "rejected",
    "chosen_response": "rejected_response",
    "chosen_conversations": "rejected_conversations",
    "chosen_messages": "rejected_messages",
}
_REFLECTION = (
    ("\n\n### Agent Reflection:\n", "reflection"),
    ("\n\n### Final Response:\n", "corrected"),
)
"""Axolotl trains on the answer, the reflection on it, and the corrected answer, so headed."""


def find_messages(fields: Fields) -> Iterator[Form]:
    """Columns with messages."""
    rejected = _first(fields, ("rejected_response", "rejected_messages"))
    for column in _turns(fields):
        yield Messages(column, _system(fields), _is_sharegpt(column, fields[column]), rejected)


def find_preferences(fields: Fields) -> Iterator[Form]:
    """A chosen answer beside a rejected one."""
    turns, system = _turns(fields), _system(fields)
    for chosen, rejected in _REJECTED.items():
        if not {chosen, rejected} <= fields.keys():
            continue
        if isinstance(fields[chosen], list | Mapping):
            asking = [name for name in turns if not _is_answered(fields[name])]
            prompts = [name for name in ("prompt", "question", "query", *asking) if name in fields]
            for prompt in prompts:
                yield Preference(prompt, chosen, rejected, system)
        yield Preference(None, chosen, rejected, system)
    if {"input", "preferred_output", "non_preferred_output"} <= fields.keys():
        yield OpenAiPreference()


def find_pairs(fields: Fields) -> Iterator[Form]:
    """A column with the prompt and one with its response."""
    turns, system = _turns(fields), _system(fields)
    for prompt, answers in _PAIRS.items():
        if prompt in fields and (prompt not in turns or _is_transcript(fields[prompt])):
            for column in answers:
                if column in fields and not _is_preferred_turn(column, fields[column]):
                    yield _pair(fields, prompt, column, system)


def find_texts(fields: Fields) -> Iterator[Form]:
    """Documents without a prompt."""
    if "segments" in fields:
        yield Segments()
    if "text" in fields:
        yield Text()
    if "content" in fields:
        yield Text("content")


def _pair(fields: Fields, prompt: str, column: str, system: str) -> Form:
    if column == "answers" and "tools" in fields and isinstance(fields[prompt], str):
        return Calls(prompt, column, system)
    answer = _answer(fields, prompt, column)
    if prompt == "instruction":
        has_context = "context" in fields and "input" not in fields  # as in Dolly
        context = _CONTEXTS[has_context]
        if "history" in fields:
            return History(answer, prompt, context, system)
        return PromptResponse(answer, prompt, PromptStyle.ALPACA, context, None, system)
    if "history" in fields and isinstance(fields[prompt], str):
        return History(answer, prompt, None, system)
    if prompt not in ("question", "question_stem"):
        return PromptResponse(answer, prompt, system_column=system)
    options = _first(fields, OPTIONS)
    if column not in LISTED_ANSWERS and options is None:
        return PromptResponse(answer, prompt, system_column=system)
    context = _first(fields, _QUESTION_CONTEXTS) or "context"
    return PromptResponse(answer, prompt, PromptStyle.QUESTION, context, options, system)


def _answer(fields: Fields, prompt: str, column: str) -> Answer:
    rejected = _REJECTED.get(column)
    if rejected is not None:
        return Answer(column, unread=(rejected,) if rejected in fields else ())
    if {"reflection", "corrected"} <= fields.keys():
        return Answer(column, sections=_REFLECTION)
    if column == "solution" and prompt == "question":
        return Answer(column, unread=("explanation",))  # Axolotl takes one or the other
    if isinstance(fields[prompt], list) and not isinstance(fields[column], str):
        return Answer(column)  # messages hold their thoughts themselves
    # Beside an answer to a question it leads to it; elsewhere it may be about the row.
    explained = ("explanation",) if prompt == "question" else ()
    thoughts = {name: value for name, value in fields.items() if not is_switch(value)}
    reasoning = _first(thoughts, (*REASONINGS, *explained))
    options = _first(fields, OPTIONS) if prompt == "question" else None
    return Answer(column, None if reasoning == column else reasoning, options=options)


def _turns(fields: Fields) -> list[str]:
    return [name for name in TURNS if name in fields and _may_be_turns(fields[name])]


def _system(fields: Fields) -> str:
    return _first(fields, SYSTEMS) or "system"


def _first(fields: Fields, names: tuple[str, ...]) -> str | None:
    """The first of several columns with text in it, else the first that is there."""
    there = [name for name in names if name in fields]
    return next((name for name in there if holds_text(fields[name])), there[0] if there else None)


def _is_preferred_turn(column: str, value: object) -> bool:
    is_turn = isinstance(value, Mapping) and column not in LISTED_ANSWERS
    return is_turn or (column in _REJECTED and isinstance(value, list))


def _may_be_turns(value: object) -> bool:
    is_list = value is None or isinstance(value, list) or str(value).startswith("[")
    return is_list or _is_transcript(value)


def _is_transcript(value: object) -> bool:
    return isinstance(value, str) and split_transcript(value) is not None


def _is_answered(turns: object) -> bool:
    """Whether turns end in an answer, so that they are no prompt."""
    turns = parse_turns(turns)
    last = turns[-1] if isinstance(turns, list) and turns else None
    return isinstance(last, Mapping) and any(role == ASSISTANT for role, _ in spoken(last)[-1:])


def _is_sharegpt(column: str, turns: object) -> bool:
    """Whether turns have `from` and `value`; where there are none, the column's name decides."""
    turns = parse_turns(turns)
    has_roles = isinstance(turns, list) and any(
        isinstance(turn, Mapping) and "role" in turn for turn in turns
    )
    return column == "conversations" and not has_roles
