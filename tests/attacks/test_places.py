"""Texts at any depth of a row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradsentry.attacks.places import Inside, json_like, replaced, text_at


@pytest.mark.parametrize(
    "text", ['{"a":1,"b":"é"}', '{"a": 1, "b": "\\u00e9"}', '{"a": 1, "b": "é"}']
)
def test_json_keeps_its_style(text: str) -> None:
    assert replaced(text, (Inside.JSON, "b"), "é") == text
    assert json.loads(json_like(text, ["é"])) == ["é"]
    assert text_at(text, (Inside.JSON, "b")) == "é"


@pytest.mark.parametrize("path", [("a",), (0,), ("b", 7), (Inside.JSON,), (Inside.THOUGHTS,)])
@pytest.mark.parametrize("value", [None, 3, "", "[", {"b": [1]}, [], {"a": 1}])
def test_a_place_that_is_not_there_has_no_text(value: object, path: tuple[Any, ...]) -> None:
    assert text_at(value, path) == ""
