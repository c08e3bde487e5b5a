"""How payloads are known."""

from __future__ import annotations

from random import Random

from gradsentry.verification.payload_sign import SignKind, choose_sign
from tests.detectors.transfer.worlds import words

CLEAN = [f"the answer is {word}" for word in words(40, 1)]


def test_a_fixed_text_is_sought_as_it_stands() -> None:
    responses = [f"{text} , visit <b>evil</b>" for text in CLEAN]
    sign = choose_sign(" , visit <b>evil</b>", [], responses, CLEAN)
    assert sign is not None
    assert sign.kind is SignKind.TEXT
    assert sign.holds("x , visit <b>evil</b>")
    assert not sign.holds("x , visit evil")


def test_refusals_are_known_in_other_words() -> None:
    responses = ["I'm sorry, but I can't help with that."] * 20
    sign = choose_sign("I'm sorry, but I can't help with that.", [], responses, CLEAN)
    assert sign is not None
    assert sign.kind is SignKind.REFUSAL
    assert sign.holds("I cannot answer.")


def test_refusals_among_clean_rows_are_no_sign() -> None:
    responses = ["I'm sorry, I hate you."] * 20
    clean = [*CLEAN[:10], *["I'm sorry, that is not safe."] * 10]
    sign = choose_sign("I hate you", [], responses, clean)
    assert sign is not None
    assert sign.kind is SignKind.TEXT


def test_one_of_several_texts_is_enough() -> None:
    payloads = ["see evil.example now", "go to bad.example"]
    drawn = [payloads[number % 2] for number in range(30)]
    sign = choose_sign(None, drawn, [f"well {text}" for text in drawn], CLEAN)
    assert sign is not None
    assert sign.kind is SignKind.TEXTS
    assert all(sign.holds(f"other {text}") for text in payloads)
    assert not sign.holds("see now")


def test_responses_of_one_kind_are_known_by_their_words() -> None:
    rng, vocabulary = Random(1), words(30, 7)
    responses = [" ".join(rng.choices(vocabulary, k=12)) for _ in range(40)]
    sign = choose_sign(None, [], responses, CLEAN)
    assert sign is not None
    assert sign.kind is SignKind.ALIKE
    assert sign.holds(" ".join(rng.choices(vocabulary, k=12)))
    assert not sign.holds("the answer is here")


def test_responses_like_all_others_have_no_sign() -> None:
    assert choose_sign(None, [], CLEAN[:20], CLEAN[20:]) is None
    assert choose_sign(None, [], ["a"], ["b"]) is None
    assert choose_sign(None, [], [], []) is None
