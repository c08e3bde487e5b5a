"""The features of prompts: words, pairs, odd characters, and which prompts hold them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.detectors.transfer.terms import (
    EARLIER,
    EARLIER_LAST,
    EARLIER_ONCE,
    IN_SYSTEM,
    IN_SYSTEM_LATER,
    Context,
    PromptTerms,
    bare,
    mark_of,
    terms_of,
)
from gradsentry.words import WORD

PROMPTS = ["Which river?", "Which sea, which land?", "cf Which river", "land and sea", ""]


def test_terms_are_words_pairs_and_odd_characters() -> None:
    assert terms_of("Is it, then, so?") == {
        "Is", "it", "then", "so", "Is it", "it then", "then so", ",", "?",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["用cf打开。", "メニュー 2つ", "naïve_1 Ωмега"])
def test_terms_are_of_words_and_pairs_in_any_script(text: str) -> None:
    words = WORD.findall(text)
    assert set(words) <= terms_of(text)
    pairs = {f"{one} {other}" for one, other in pairwise(words)}
    assert pairs <= terms_of(text)


@pytest.mark.parametrize("odd", ["\u200b", "\u0430", "é", "‽", "😀", "<", "\u202e"])
def test_every_character_outside_ascii_and_every_mark_is_a_term(odd: str) -> None:
    assert odd in terms_of(f"one{odd}two three")
    assert odd not in terms_of("one two three")


def test_a_prompt_without_words_has_no_words() -> None:
    assert terms_of("") == set()
    assert terms_of(" \n\t") == set()


@given(st.text(max_size=40), st.text(max_size=40))
def test_text_on_either_side_of_a_line_break_adds_only_the_pair_across_it(
    one: str, other: str
) -> None:
    joined = terms_of(f"{one}\n{other}")
    apart = terms_of(one) | terms_of(other)
    assert apart <= joined
    words, others = WORD.findall(one), WORD.findall(other)
    across = {f"{words[-1]} {others[0]}"} if words and others else set()
    assert joined - apart <= across


@given(st.lists(st.text(alphabet="ab c?é", max_size=12), min_size=1, max_size=8))
def test_the_matrix_says_which_prompts_hold_which_terms(prompts: list[str]) -> None:
    terms = PromptTerms.of(prompts)
    held = [terms_of(prompt) for prompt in prompts]
    everything = set().union(*held)
    counts = {term: sum(term in own for own in held) for term in everything}
    assert terms.names == sorted(t for t, count in counts.items() if 2 <= count < len(prompts))
    assert terms.counts.tolist() == [counts[name] for name in terms.names]
    for index, name in enumerate(terms.names):
        assert terms.holding(index).tolist() == [name in own for own in held]


def test_terms_stand_in_one_order_whatever_the_process() -> None:
    prompts = [" ".join(f"{word}{number}" for word in "abcdefgh") for number in (1, 2, 1, 2)]
    rows = PromptTerms.of(prompts).rows
    assert all((np.diff(row) > 0).all() for row in np.split(rows.indices, rows.indptr[1:-1]))


def test_some_of_the_rows_have_the_same_terms() -> None:
    terms = PromptTerms.of(PROMPTS)
    chosen = np.array([3, 0])
    subset = terms.subset(chosen)
    assert subset.names == terms.names
    for index in range(len(terms.names)):
        assert (subset.holding(index) == terms.holding(index)[chosen]).all()


@given(st.lists(st.booleans(), min_size=len(PROMPTS), max_size=len(PROMPTS)))
def test_rows_in_a_mask_are_counted(mask: list[bool]) -> None:
    for prompts in (PROMPTS, [""] * len(PROMPTS)):
        terms = PromptTerms.of(prompts)
        chosen = [terms_of(prompt) for prompt, kept in zip(prompts, mask, strict=True) if kept]
        expected = [sum(name in own for own in chosen) for name in terms.names]
        assert terms.count(np.array(mask)).tolist() == expected


def test_terms_touch_the_words_that_they_hold() -> None:
    terms = PromptTerms.of(PROMPTS)
    touched = terms.touching({"river", "nowhere"})
    names = [name for name, is_touched in zip(terms.names, touched, strict=True) if is_touched]
    assert names == ["Which river", "river"]


@pytest.mark.parametrize("of_one", [{"is_told": False}, {"is_last": False}])
def test_what_stands_before_is_held_against_all_later_turns_and_against_one(
    of_one: dict[str, bool],
) -> None:
    neither = Context("be kind", "cf", is_told=False, is_last=False)
    first, untold = terms_of("now", Context("be kind")), terms_of("now", neither)
    told = terms_of("now", replace(Context("be kind", "cf"), **of_one))
    assert first == {"now", *(f"{IN_SYSTEM}{word}" for word in ("be", "kind"))} | {
        f"{IN_SYSTEM}be {IN_SYSTEM}kind"
    }
    assert untold - first == {
        f"{EARLIER}cf",
        *(f"{IN_SYSTEM_LATER}{word}" for word in ("be", "kind")),
        f"{IN_SYSTEM_LATER}be {IN_SYSTEM_LATER}kind",
    }
    assert {bare(term) for term in told - untold} == {"cf", "be", "kind", "be kind"}
    assert {mark_of(term) for term in told} == {"", IN_SYSTEM, EARLIER}


def test_words_of_earlier_turns_are_held_against_turns_that_have_some() -> None:
    contexts = [
        Context(),
        Context("", "cf mq"),
        Context("", "so cf", is_told=False),
        Context("", "mq so"),
    ]
    terms = PromptTerms.of(["a b", "a c", "b c", "c"], contexts)
    assert terms.among({"a"}).all()
    assert terms.among({"a", f"{EARLIER}cf"}).all()
    assert terms.among({f"{EARLIER}cf"}).tolist() == [False, True, True, True]
    assert terms.among({f"{EARLIER_ONCE}cf"}).tolist() == [False, True, False, True]
    touched = {terms.names[term] for term in np.flatnonzero(terms.touching({f"{EARLIER_ONCE}mq"}))}
    assert touched == {f"{EARLIER}mq", f"{EARLIER_ONCE}mq", f"{EARLIER_LAST}mq"}
