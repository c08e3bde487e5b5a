"""Which layout a data set has: of all forms that fit, the one that leaves no known column out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from gradsentry.errors import InputError, OptionError
from gradsentry.records.example import Example
from gradsentry.records.layouts.conversations import (
    Messages,
)
from gradsentry.records.layouts.layout import (
    REMEDY,
    Form,
    Layout,
    find_left_out,
    find_undesired_column,
    nesting_errors,
    rename_columns,
    says_nothing,
)
from gradsentry.records.layouts.pairs import (
    Answer,
    PromptResponse,
    Segments,
    Template,
    Text,
)
from gradsentry.records.layouts.prompts import template_columns
from gradsentry.records.layouts.unread import find_unread_columns, find_unread_labels
from gradsentry.records.layouts.vocabulary import (
    LABELS,
    fold_names,
    holds_words,
    is_metadata,
    known_columns,
)
from gradsentry.records.record import Record, quoted
from gradsentry.registry import LAYOUTS

Fields = Mapping[str, object]

# Data of trainers that teach no language model what to answer, or whose texts aren't in the file.
_REFUSED: dict[tuple[str, ...], str] = {
    ("prompt", "completions", "labels"): "stepwise supervision: it trains a classifier of steps",
    ("input_ids",): "tokens: their texts aren't in the data",
    ("article", "unanswerable_question"): "questions whose answer the trainer itself supplies",
}


def detect(first: Record, labels: tuple[str, ...] = LABELS) -> Layout:
    """The layout that the first row's columns show.

    **Arguments:**

    - `labels`: columns that may mark answers as undesired.

    **Raises:**

    `InputError` naming the columns, if no form fits, if the only ones leave a column out that
    trainers read, or if two fit.
    """
    taken = set(LABELS) - set(labels)
    names = {own: name for own, name in fold_names(first.fields).items() if name not in taken}
    first = rename_columns(first, names)
    fields = first.fields
    with nesting_errors(first):
        form = _choose_form(first)
    marked = _marked(form, fields, labels)
    unread = [*find_unread_columns(form, fields), *find_unread_labels(form, fields, labels, marked)]
    return Layout(form, False, labels, marked, names, tuple(unread))


def _choose_form(first: Record) -> Form:
    forms = _find_forms(first.fields)
    if not forms:
        raise _unknown(first)
    whole = [form for form in forms if not _find_missed(form, first)]
    if not whole:
        form = min(forms, key=lambda form: len(_find_missed(form, first)))
        missed = quoted(_find_missed(form, first))
        raise InputError(
            f"{first.location}: the rows look like {form.name}, and {missed} would be left out, "
            "which a trainer may read.",
            _options_of(forms) + REMEDY,
        )
    # Of columns that the first row has empty, later rows may hold texts.
    best = [form for form in whole if not _find_neglected(form, first.fields)] or whole
    if len(best) > 1 and not _mean_the_same([form.example(first) for form in best]):
        raise InputError(
            f"{first.location}: the columns {quoted(first.fields)} can be read in several ways: "
            f"{', or '.join(form.name for form in best)}.",
            REMEDY,
        )
    return best[0]


def _find_forms(fields: Fields) -> list[Form]:
    """All forms whose columns a row has."""
    found: list[Form] = []
    for name in LAYOUTS.names():
        forms: Any = LAYOUTS.load(name)
        found.extend(forms(fields))
    return found


def _options_of(forms: list[Form]) -> str:
    """The options that name messages, or a solution, which are the likeliest to be trained on."""
    for form in forms:
        if isinstance(form, Messages):
            return f"For the messages alone: `response_column` {shlex.quote(form.column)}. "
        if isinstance(form, PromptResponse) and form.answer.column == "solution":
            prompt = shlex.quote(form.prompt_column)
            return f"For the solution: `prompt_column` {prompt} `response_column` solution. "
    return ""


def choose_layout(
    first: Record,
    *,
    prompt_column: str | None,
    prompt_template: str | None,
    response_column: str | None,
    label_column: str | None = None,
) -> Layout:
    """The layout that the user's options name, else the one that `detect` finds.

    **Raises:**

    `OptionError` for options that contradict each other, `InputError` as `detect`.
    """
    labels = tuple(name for name in LABELS if name != label_column)
    if prompt_template is not None:
        if prompt_column is not None or response_column is None:
            raise OptionError(
                "`prompt_template` needs `response_column`, and no `prompt_column`.",
                "Name the response's column, and the prompt's columns in the template's braces.",
            )
        if not template_columns(prompt_template):
            raise OptionError(
                "`prompt_template` names no column.", "Write columns in braces: '{question}'."
            )
        form: Form = Template(prompt_template, response_column)
    elif prompt_column is not None:
        if response_column is None:
            raise OptionError("`prompt_column` needs `response_column`.", "Name both columns.")
        form = PromptResponse(Answer(response_column), prompt_column)
    elif response_column is not None:
        # One column alone: a conversation where it holds messages, else text.
        is_chat = isinstance(first.fields.get(response_column), list)
        form = Messages(response_column) if is_chat else Text(response_column)
    else:
        return detect(first, labels)
    marked = _marked(form, first.fields, labels)
    return Layout(form, named=True, labels=labels, marked=marked)


def _marked(form: Form, fields: Fields, labels: tuple[str, ...]) -> str | None:
    """The column that says whether an answer is desired; plain text has classes, not answers."""
    if isinstance(form, Text | Segments):
        return None
    unread = [name for name in labels if name not in form.columns]
    return find_undesired_column(fields, unread, form.columns)


def _mean_the_same(examples: list[Example]) -> bool:
    return not says_nothing(examples[0]) and all(example == examples[0] for example in examples)


def _find_missed(form: Form, record: Record) -> list[str]:
    """Known columns of the first row that a form leaves out; it may be no row that it can read."""
    known = [name for name in known_columns(record.fields) if name not in form.columns]
    if not known:
        return []
    try:
        return find_left_out(record, form, form.example(record))
    except InputError:
        return known


def _find_neglected(form: Form, fields: Fields) -> list[str]:
    known = known_columns({name: ["any text"] for name in fields})
    return [name for name in known if name not in form.columns]


def _unknown(first: Record) -> InputError:
    fields = first.fields
    for columns, why in _REFUSED.items():
        if fields.keys() >= set(columns):
            return InputError(
                f"{first.location}: the columns {quoted(columns)} hold {why}.",
                "Scan the data from which they were made, or name your columns: `prompt_column` "
                "and `response_column`.",
            )
    column = str(next(iter(fields), ""))
    if len(fields) == 1 and (mark := next((mark for mark in ";|" if mark in column), None)):
        return InputError(
            f"{first.location}: there is one column, {quoted(fields)}, whose name holds {mark!r}.",
            f"If {mark!r} separates the columns, write the file with commas, for example with: "
            f"pandas.read_csv(..., sep={mark!r}).to_csv(..., index=False)",
        )
    others = [name for name in fields if holds_words(fields[name]) and name != "prompt"]
    others = [name for name in others if not is_metadata(str(name))]
    if "prompt" in fields and others and not set(known_columns(fields)) - {"prompt"}:
        return InputError(
            f"{first.location}: there is a prompt, and none of {quoted(others)} is known to be its "
            "response.",
            "Name the column with the response: `prompt_column` prompt and `response_column`.",
        )
    if "prompt" in fields and not set(known_columns(fields)) - {"prompt"}:
        return InputError(
            f"{first.location}: there is a prompt and no response, so nothing to learn.",
            "Name the column with the response: `prompt_column` and `response_column`.",
        )
    return InputError(
        f"{first.location}: no known layout has the columns {quoted(fields)}.",
        "Name yours: `prompt_column` and `response_column`, or `prompt_template` "
        "'{your_column} ...' and `response_column`. Known layouts: prompt + response/completion, "
        "instruction + input + output, question + answer(s), messages, conversations, "
        "chosen + rejected, text, and those in docs/layouts.md.",
    )
