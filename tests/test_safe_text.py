"""Text of untrusted people: shown on one line, and nothing in it hides or directs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gradsentry.safe_text import excerpt, visible


@given(st.text())
def test_visible_text_is_one_line_of_printable_characters(text: str) -> None:
    assert visible(text).isprintable()


BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u2800\u3164\ufe0f\uffa0\U000e0100\U000e01ef"


def test_characters_that_show_nothing_are_escaped() -> None:
    assert visible(BLANK).isascii()
    assert visible(f"a{BLANK}b").count("\\") == len(BLANK)


@given(
    st.text(
        st.characters(
            categories=["L", "N", "P", "S"], include_characters=" ", exclude_characters=BLANK
        )
    )
)
def test_visible_text_keeps_ordinary_characters(text: str) -> None:
    assert visible(text) == text


def test_an_excerpt_keeps_both_ends() -> None:
    text = "start" + "x" * 5000 + "payload"
    shown = excerpt(text, 200)
    assert shown.startswith("start")
    assert shown.endswith("payload")
    assert len(shown) <= 210
