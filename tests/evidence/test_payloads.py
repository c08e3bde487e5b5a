"""The text that responses have in common."""

from __future__ import annotations

from random import Random

import pytest

from gradsentry.evidence.payloads import common_text, variants
from tests.evidence.worlds import sentences

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
    spans = ["b", "a", "b", " ", "", "c", "a", "b", "d", "e", "f", "g"]
    found = variants(spans)
    assert found[:2] == [("b", 3), ("a", 2)]
    assert len(found) == 5
    assert variants(spans[::-1]) == found
