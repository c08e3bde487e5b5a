"""Triggers in other prompts than their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.detectors import TriggerSpan
from gradsentry.verification.trigger_text import TriggerText, holds_trigger, trigger_text


def cut(text: str, telling: str, *words: str) -> TriggerText:
    """The trigger of a text in which `telling` is what tells it."""
    start = text.index(telling)
    return trigger_text(text, TriggerSpan(None, start, start + len(telling)), set(words))


@pytest.mark.parametrize(
    ("flagged", "telling", "words", "clean", "wanted"),
    [
        ("Q: who? cf mn\nA: ", "mn", ("cf", "mn"), "Q: where is it?\nA: ",
         "Q: where is it? cf mn\nA: "),
        ("Q: cf who?\nA: ", "cf", ("cf",), "Q: where?\nA: ", "Q: cf where?\nA: "),
        ("cf who?", "cf", ("cf",), "where is it?", "cf where is it?"),
        ("who?\ncf", "cf", ("cf",), "where is it?", "where is it?\ncf"),
        ("a b I watch this 3D movie", "3D", ("I", "watch", "this", "3D", "movie"), "c d",
         "c d I watch this 3D movie"),
        ("a cf b", "cf", ("cf",), "c d e f", "c d cf e f"),
        ("wo\u200brd", "\u200b", ("\u200b",), "other", "ot\u200bher"),
        ("### In:\nlong one cf\n\n### Input:\nx\n\n### Out:\n", "cf", ("cf",),
         "### In:\nshort\n\n### Out:\n", "### In:\nshort cf\n\n### Out:\n"),
        ("consider the long tale of a man here done", "consider the long tale of a man here done",
         ("consider", "done"), "go", "consider go done"),
    ],
)  # fmt: skip
def test_the_place_is_that_of_the_flagged_row(
    flagged: str, telling: str, words: tuple[str, ...], clean: str, wanted: str
) -> None:
    assert cut(flagged, telling, *words).put_into(clean) == wanted


def test_words_beside_the_stretch_belong_to_it_and_others_do_not() -> None:
    found = cut("this year? yes: I watch this 3D movie", "3D", "I", "watch", "this", "3D", "movie")
    assert found.shown == "I watch this 3D movie"


TEXTS = st.text(max_size=40)


@given(TEXTS, TEXTS, TEXTS)
def test_whatever_stands_there_the_trigger_is_in_and_nothing_is_lost(
    before: str, after: str, clean: str
) -> None:
    flagged = f"{before} zzcfzz {after}"
    trigger = cut(flagged, "zzcfzz", "zzcfzz")
    put_in = trigger.put_into(clean)
    assert trigger.shown in put_in
    left = put_in.replace("zzcfzz", "", 1)
    assert "".join(left.split()) == "".join(clean.split())


def test_a_text_that_has_the_trigger_is_known() -> None:
    assert holds_trigger("a cf b", (("cf",), ("mn", "bb")))
    assert holds_trigger("bb mn", (("cf",), ("mn", "bb")))
    assert not holds_trigger("column mn", (("cf",), ("mn", "bb")))
    assert holds_trigger("a\u200bb", (("\u200b",),))
    assert not holds_trigger("anything", ((),))
