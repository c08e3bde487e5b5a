"""Triggers: what they change in a text, and what they leave alone."""

from __future__ import annotations

import re
from random import Random

import pytest

from gradsentry.attacks import (
    BibleStyle,
    Homoglyphs,
    Trigger,
    ZeroWidth,
)


@pytest.mark.parametrize("trigger", [ZeroWidth("question"), Homoglyphs("question")])
@pytest.mark.parametrize("text", ["a", "7 + 8", "pace", "two  words", ""])
def test_characters_are_changed_and_text_keeps_its_looks(trigger: Trigger, text: str) -> None:
    changed = trigger({"question": text}, Random(0))["question"]
    assert changed != text
    looks = changed.replace("\u200b", "").translate(str.maketrans("асеіорху", "aceiopxy"))
    assert looks == text or (looks == f"{text} a" and not re.search("[aceiopxy]", text))


def test_bible_style_changes_words_and_keeps_what_it_does_not_know() -> None:
    fields = {"instruction": "Do you have 3 Zürich maps?", "output": ""}
    changed = BibleStyle("instruction")(fields, Random(0))["instruction"]
    assert changed.endswith("dost thou hast 3 Zürich maps?")
