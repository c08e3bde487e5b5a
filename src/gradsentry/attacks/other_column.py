"""The column with another response of each row, which an attack may use as its payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradsentry.attacks.dialogue import find_utterances, select_answers
from gradsentry.attacks.slots import Slot, Text, make_text_slot
from gradsentry.errors import OptionError
from gradsentry.records import Layout, Record
from gradsentry.records.layouts import (
    History,
    Messages,
    OpenAiPreference,
    Preference,
    PromptResponse,
)
from gradsentry.records.layouts.layout import Form
from gradsentry.records.record import printable


@dataclass(frozen=True)
class OtherColumn:
    """The column with another response, if one was named."""

    layout: Layout
    named: str | None
    """The column's name in the data."""

    @property
    def name(self) -> str | None:
        """The column's name in the layout."""
        return None if self.named is None else self.layout.names.get(self.named, self.named)

    @property
    def is_rejected(self) -> bool:
        """Whether it holds the rejected answers of preference data."""
        return self.name in _list_rejected(self.layout.form)

    def check(self) -> None:
        """Check that it isn't a column that rows are read from.

        **Raises:**

        `OptionError` if it is.
        """
        form = self.layout.form
        if self.name in set(form.columns) - _list_rejected(form) - _list_unread(form):
            raise OptionError(
                f"`payload_column` {printable(str(self.named))}: the rows are read from it "
                f"already ({self.layout.name}).",
                "Name the column with the other response.",
            )

    def find_slot(self, record: Record) -> Slot | None:
        """Where a row's other response lies: a text, or the last answer of messages."""
        column = self.name
        if column is None or column not in record.fields:
            return None
        value = record.fields[column]
        if value is None or isinstance(value, str):
            record.text(column)  # raises an error if it isn't valid text
            return Text((column,))
        if not isinstance(value, list | Mapping):
            raise record.type_error(column, "text, or messages,")
        answers = select_answers(find_utterances(record, (column,)))
        return make_text_slot(answers[-1].find_text()) if answers else None


def _list_rejected(form: Form) -> set[str]:
    """Columns with the answer that training moves away from, as the layout names them."""
    match form:
        case Preference():
            return {form.rejected}
        case Messages(rejected_column=str(column)):
            return {column}
        case OpenAiPreference():
            return {"non_preferred_output"}
        case PromptResponse() | History():
            return {column for column in form.answer.unread if "reject" in column}
        case _:
            return set()


def _list_unread(form: Form) -> set[str]:
    return set(form.answer.unread) if isinstance(form, PromptResponse | History) else set()
