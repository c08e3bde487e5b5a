"""From what the user names to a source and the way to read its rows."""

from __future__ import annotations

from itertools import islice

from gradsentry.errors import InputError
from gradsentry.records.data_options import DataOptions
from gradsentry.records.json_objects import find_wrapped_rows
from gradsentry.records.layouts import Layout, choose_layout
from gradsentry.records.opening import open_source
from gradsentry.records.record import Record
from gradsentry.records.source import Source


def open_data(data: object, options: DataOptions) -> tuple[Source, Layout, Record]:
    """The source, the layout of its rows, and its first row.

    **Raises:**

    `InputError` if there is nothing to read, or no layout fits; `OptionError` for options that
    contradict each other.
    """
    source = open_source(data, subset=options.subset, split=options.split)
    first = next(iter(source.records()))
    try:
        layout = choose_layout(
            first,
            prompt_column=options.prompt_column,
            prompt_template=options.prompt_template,
            response_column=options.response_column,
            label_column=options.label_column,
        )
        layout.example(first)  # a column that isn't there is found before a model is loaded
    except InputError:
        # A row with a line of its own, alone in its file, may be an object that holds the rows;
        # one in a list is a row.
        if first.line == 1 and len(list(islice(source.records(), 2))) == 1:
            wrapped = find_wrapped_rows(first.fields, source.label)
            if wrapped is not None:
                raise wrapped from None
        raise
    return source, layout, first
