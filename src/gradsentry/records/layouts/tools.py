"""What a row gives the chat template besides messages: tools, and its own arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gradsentry.errors import InputError
from gradsentry.records.record import Record

TEMPLATE_COLUMNS = ("tools", "functions", "parallel_tool_calls", "chat_template_kwargs")
"""Columns of conversations beside their messages."""


def find_tools(record: Record) -> list[Mapping[str, object]] | None:
    """A row's tools.

    **Raises:**

    `InputError` for tools that are no schemas.
    """
    if tools := read_tools(record.fields.get("tools"), record, "tools"):
        return tools
    functions = read_tools(record.fields.get("functions"), record, "functions")
    return functions and [{"type": "function", "function": function} for function in functions]


def read_tools(tools: object, record: Record, column: str) -> list[Mapping[str, object]] | None:
    """Tools as a list of schemas, from such a list or its JSON; None if there are none.

    **Raises:**

    `InputError` for anything else.
    """
    if isinstance(tools, str):
        tools = _from_json(tools, record, column)
    if not tools:
        return None
    if isinstance(tools, Mapping):
        tools = [tools]
    if isinstance(tools, list):
        tools = [
            _from_json(tool, record, column) if isinstance(tool, str) else tool for tool in tools
        ]
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise record.type_error(column, "a list of JSON schemas")
    record.check_unicode(json.dumps(tools, ensure_ascii=False, default=str), column)
    return tools


def template_arguments(record: Record) -> Mapping[str, object]:
    """A row's own arguments to the chat template, such as `enable_thinking`.

    **Raises:**

    `InputError` if they are no mapping.
    """
    column = "chat_template_kwargs"
    arguments = record.fields.get(column)
    if isinstance(arguments, str):
        arguments = _from_json(arguments, record, column)
    if arguments is None:
        return {}
    if not isinstance(arguments, Mapping) or not all(isinstance(key, str) for key in arguments):
        raise record.type_error(column, "a mapping")
    record.check_unicode(json.dumps(arguments, ensure_ascii=False, default=str), column)
    # A Dataset gives every row all keys.
    return {key: value for key, value in arguments.items() if value is not None}


def _from_json(text: str, record: Record, column: str) -> object:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{record.location}: column {column!r} isn't valid JSON ({error}).",
            "Write the tools as a list of JSON schemas."
            if column != "chat_template_kwargs"
            else "Write a mapping.",
        ) from None
