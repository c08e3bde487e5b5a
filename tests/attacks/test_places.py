"""Texts at any depth of a row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradsentry.attacks.places import Inside, dump_like, read_text, replace_at


@pytest.mark.parametrize(
    "text", ['{"a":1,"b":"é"}', '{"a": 1, "b": "\\u00e9"}', '{"a": 1, "b": "é"}']
)
def test_json_keeps_its_style(text: str) -> None:
    assert replace_at(text, (Inside.JSON, "b"), "é") == text
    assert json.loads(dump_like(text, ["é"])) == ["é"]
    assert read_text(text, (Inside.JSON, "b")) == "é"


@pytest.mark.parametrize("path", [("a",), (0,), ("b", 7), (Inside.JSON,), (Inside.THOUGHTS,)])
@pytest.mark.parametrize("value", [None, 3, "", "[", {"b": [1]}, [], {"a": 1}])
def test_a_place_that_is_not_there_has_no_text(value: object, path: tuple[Any, ...]) -> None:
    assert read_text(value, path) == ""
