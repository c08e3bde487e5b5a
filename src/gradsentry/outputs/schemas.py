"""The published schemas of the files that machines read: of JSON Schema, made of the models."""

from __future__ import annotations

from typing import Any

from gradsentry.errors import OptionError
from gradsentry.outputs.annotated_file import AnnotatedRow
from gradsentry.outputs.digests import HOME
from gradsentry.report.summary_document import Document, SummaryDocument

SCHEMAS: dict[str, type[Document]] = {"summary": SummaryDocument, "annotated": AnnotatedRow}
"""What has a schema: `summary.json`, and each line of `annotated.jsonl`."""


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file.

    **Raises:**

    `OptionError` for a name that none has.
    """
    if name not in SCHEMAS:
        raise OptionError(
            f"There is no schema {name!r}.", f"Name one of these: {', '.join(SCHEMAS)}."
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{HOME}/schemas/{name}-1.json",
        **_joined_lines(SCHEMAS[name].model_json_schema()),
    }


def _joined_lines(schema: Any) -> Any:
    """The same with every description on one line."""
    if isinstance(schema, dict):
        return {
            key: " ".join(value.split())
            if key == "description" and isinstance(value, str)
            else _joined_lines(value)
            for key, value in schema.items()
        }
    return [_joined_lines(item) for item in schema] if isinstance(schema, list) else schema
