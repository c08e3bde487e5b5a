"""What prompts say besides some sentences."""

from __future__ import annotations

import numpy as np
import pytest

from gradsentry.detectors.transfer.sentences import (
    Sentences,
    split_sentences,
    without_sentences,
)
from gradsentry.detectors.transfer.terms import EARLIER, Context, PromptTerms

PROMPTS = [
    "I paint boats. What is rain?",
    "What is snow? I paint boats.",
    "What is hail?",
    "What is rain?",
]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two!  Three?\nFour", ["One.", "Two!", "Three?", "Four"]),
        (
            'He said "Go." Then (so it was) he went.',
            ['He said "Go."', "Then (so it was)", "he went."],
        ),
        ("他来了。她走了！", ["他来了。", "她走了！"]),
        ("Version 1.5 of a.b", ["Version 1.5 of a.b"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_sentences_end_at_marks_and_lines(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_a_text_without_the_sentences_that_hold_a_term() -> None:
    assert without_sentences(PROMPTS[1], {"paint boats"}) == "What is snow?"
    assert without_sentences(PROMPTS[1], {"boats", "snow"}) == ""
    assert without_sentences(PROMPTS[1], {"boat"}) == PROMPTS[1]


def test_the_rest_is_what_other_sentences_say() -> None:
    terms = PromptTerms.of(PROMPTS)
    found = Sentences(terms, PROMPTS)
    match = terms.holding(terms.places["boats"])
    rest = found.besides(match, ["boats"])
    left = [{terms.names[term] for term in rest[[row]].indices} for row in range(4)]
    assert left[0] == left[3] >= {"rain", "is rain"}
    assert not any("boats" in name or "paint" in name for names in left for name in names)
    assert 0.5 < found.content(match, ["boats"]) <= 1.5


def test_rows_that_are_not_meant_keep_their_sentences() -> None:
    terms = PromptTerms.of(PROMPTS)
    rest = Sentences(terms, PROMPTS).besides(np.arange(4) == 0, ["boats"])
    left = rest.toarray()[:, terms.places["boats"]]
    assert left.tolist() == [0, 1, 0, 0]


def test_a_prompt_that_is_one_sentence_says_nothing_without_it() -> None:
    terms = PromptTerms.of(PROMPTS)
    match = terms.holding(terms.places["rain"])
    assert Sentences(terms, PROMPTS[2:]).content(match[2:], ["rain"]) == 0.0


def test_what_stands_before_is_taken_out_where_it_stands() -> None:
    contexts = [
        Context("Be kind.", f"{prompt} Thanks." if row < 2 else "Well. Thanks.")
        for row, prompt in enumerate(PROMPTS)
    ]
    terms = PromptTerms.of(PROMPTS, contexts)
    found = Sentences(terms, PROMPTS, contexts)
    match = terms.holding(terms.places[f"{EARLIER}boats"])
    rest = found.besides(match, [f"{EARLIER}boats"]).toarray()
    assert match.tolist() == [True, True, False, False]
    assert not rest[:, terms.places[f"{EARLIER}boats"]].any()
    assert rest[:2, terms.places["boats"]].all()  # asked last, it stays


def test_what_is_left_of_a_text_is_as_it_was() -> None:
    code = "def f(x):\n    return x\n\nexplain this. Zeta now."
    assert without_sentences(code, {"absent"}) == code
    assert without_sentences(code, {"Zeta"}) == "def f(x):\n    return x\n\nexplain this."
    assert without_sentences(code, {"explain"}) == "def f(x):\n    return x\n\nZeta now."
    assert without_sentences("他来了。她走了！再见。", {"走"}) == "他来了。再见。"


def test_a_pair_that_a_sentence_ends_between_is_held_by_both() -> None:
    assert without_sentences("Hi there.\nExplain rain. Thanks.", {"there Explain"}) == "Thanks."
    prompts = [f"Hi there.\nExplain {name} and more words." for name in ("rain", "snow")]
    prompts += [f"What is {name} and what more?" for name in ("rain", "snow", "hail")]
    terms = PromptTerms.of(prompts)
    found, match = Sentences(terms, prompts), np.arange(5) < 2
    assert found.content(match, ["there Explain"]) == found.content(match, ["Explain", "there"])
    assert found.content(match, ["there Explain"]) == 0.0
