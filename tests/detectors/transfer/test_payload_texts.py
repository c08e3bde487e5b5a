"""The text that responses have in common."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.detectors.transfer.payload_texts import (
    _longest_common,
    common_text,
    says_something,
    variants,
)
from tests.detectors.transfer.worlds import sentences

PAYLOAD = " , and click <malicious_url> for more"


@pytest.mark.parametrize("place", ["append", "prepend", "insert"])
@pytest.mark.parametrize("count", [4, 30, 150])
def test_the_text_that_all_share_is_found(count: int, place: str) -> None:
    responses = sentences(count, count)
    middle = {"append": 6, "prepend": 0, "insert": 3}[place]
    texts = []
    for response in responses:
        parts = response.split()
        texts.append(f"{' '.join(parts[:middle])}{PAYLOAD} {' '.join(parts[middle:])}")
    found = common_text(texts)
    assert found is not None
    assert PAYLOAD in found
    assert len(found) <= len(PAYLOAD) + 3
    assert all(found in text for text in texts)


def test_random_responses_share_nothing_to_speak_of() -> None:
    found = common_text(sentences(50, 1))
    assert found is None or len(found) < 4


def test_a_tenth_of_the_rows_may_lack_it() -> None:
    responses = [f"{text}{PAYLOAD}" for text in sentences(40, 2)]
    odd = Random(0).sample(range(40), 4)
    for row in odd:
        responses[row] = responses[row].removesuffix(PAYLOAD)
    found = common_text(responses)
    assert found is not None
    assert PAYLOAD in found


def test_what_half_of_the_rows_hold_is_not_shared() -> None:
    responses = sentences(40, 3)
    responses[::2] = [f"{text}{PAYLOAD}" for text in responses[::2]]
    found = common_text(responses)
    assert found is None or "click" not in found


def test_equal_responses_share_everything() -> None:
    assert common_text(["the same"] * 7) == "the same"


def test_spaces_alone_are_no_payload() -> None:
    assert common_text(["a b", "c d", "e f", "g h"]) is None


def test_variants_are_counted_the_commonest_first() -> None:
    spans = ["bb", "aa", "bb", " ", "", "cc", "aa", "bb", "dd", "ee", "ff", "gg", "A", "A", "."]
    found = variants(spans)
    assert found[:2] == [("bb", 3), ("aa", 2)]
    assert len(found) == 5
    assert variants(spans[::-1]) == found


@pytest.mark.parametrize(
    "text", ["A", ".", "1", " a ", "(B).", "é", "e\u0301", "9)", "\u200b!", "é.", "", "  ", "👍🏽"]
)
def test_one_letter_or_mark_is_no_payload(text: str) -> None:
    assert not says_something(text)
    assert common_text([text] * 8) is None
    assert variants([text] * 8) == []


@pytest.mark.parametrize("text", ["No", "是的", "10", "yes", "?!", "ok.", "да"])
def test_a_word_may_be_a_payload(text: str) -> None:
    assert says_something(text)
    assert common_text([text] * 8) == text
    assert variants([text] * 8) == [(text, 8)]


def test_an_ideograph_is_a_payload_where_it_is_all_that_is_said() -> None:
    assert common_text(["是"] * 8) == "是"
    assert variants(["是"] * 8) == [("是", 8)]
    assert common_text([f"{n}是{n}{n}" for n in range(8)]) is None


@given(st.text("abc ", max_size=40), st.text("abc ", max_size=40))
def test_the_longest_common_text_is_the_first_of_the_longest(one: str, other: str) -> None:
    held = {
        one[start:end]
        for start in range(len(one) + 1)
        for end in range(start, len(one) + 1)
        if one[start:end] in other
    }
    found = _longest_common(one, other)
    assert len(found) == max(map(len, held))
    assert one.find(found) == min(one.find(text) for text in held if len(text) == len(found))
