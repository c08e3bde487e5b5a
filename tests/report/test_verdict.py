"""The verdict in words."""

from __future__ import annotations

from gradsentry.report.verdict import together


def test_words_that_occur_together_are_told_from_with() -> None:
    assert together(("mind", "with", 'a"b')) == '"mind" with "with" with "a\\"b"'
    assert together(("\u202e",)) == '"\\u202e"'
