"""Columns with text that a layout doesn't read, so that nobody takes them for scanned."""

from __future__ import annotations

from collections.abc import Mapping

from gradsentry.records.layouts.layout import Form, Layout, find_undesired_column, rename_columns
from gradsentry.records.layouts.pairs import Segments, Text
from gradsentry.records.layouts.vocabulary import (
    LABELS,
    MEDIA,
    holds_sentence,
    holds_words,
    is_metadata,
    known_columns,
)
from gradsentry.records.record import Record, quoted

_LISTED = 12
"""Names that a message shows; no more are kept."""
_LONGEST_NAME = 100
"""Characters of a name that are kept: more than a message shows."""


def find_unread_columns(form: Form, fields: Mapping[str, object]) -> list[str]:
    """Columns of a row with text that no trainer reads by their names; labels are looked at
    apart."""
    known = {*form.columns, *known_columns(fields), *LABELS, *MEDIA}
    return [name for name in fields if name not in known and _has_text(name, fields[name])]


def find_unread_labels(
    form: Form, fields: Mapping[str, object], labels: tuple[str, ...], marked: str | None
) -> list[str]:
    """Columns of labels in a row that mark no answer; plain text has classes."""
    if isinstance(form, Text | Segments):
        return []
    return [name for name in labels if name != marked and fields.get(name) not in (None, "")]


class UnreadLater:
    """Columns with text that aren't read, and that the first row lacks or has without text."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._settled = {*layout.unread, *layout.form.columns}
        self._found: list[str] = []
        self._has_more = False

    def look(self, record: Record) -> None:
        """Take note of a row's columns."""
        if self._layout.named or self._has_more:
            return
        fields = rename_columns(record, self._layout.names).fields
        if fields.keys() <= self._settled:
            return
        open_fields = {name: fields[name] for name in fields if name not in self._settled}
        for name in self._unread(open_fields):
            if len(self._found) == _LISTED:
                self._has_more = True
                return
            self._settled.add(name)
            self._found.append(str(name)[:_LONGEST_NAME])

    def _unread(self, fields: Mapping[str, object]) -> list[str]:
        layout = self._layout
        read = {*layout.form.columns, *(() if layout.marked is None else (layout.marked,))}
        labels = find_unread_labels(layout.form, fields, layout.labels, layout.marked)
        classes = [name for name in labels if find_undesired_column(fields, (name,), read) is None]
        return [*find_unread_columns(layout.form, fields), *classes]

    def note(self) -> str | None:
        """What was found, as a sentence; None if nothing was."""
        if not self._found:
            return None
        more = " and more" if self._has_more else ""
        return f"Later rows have text in columns that aren't read: {quoted(self._found)}{more}."


def _has_text(name: str, value: object) -> bool:
    try:
        return holds_sentence(value) if is_metadata(str(name)) else holds_words(value)
    except RecursionError:  # nobody reads it, so it is no fault of the row
        return True
