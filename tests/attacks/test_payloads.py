"""Payloads: what they do to a response, and which rows take them."""

from __future__ import annotations

from random import Random

import pytest

from gradsentry.attacks import (
    LabelFlip,
    OtherResponse,
    Payload,
    Place,
    combined,
)
from gradsentry.errors import OptionError


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place.APPEND, "a b c d, X"),
        (Place.PREPEND, ", Xa b c d"),
        (Place.INSERT, "a b, X c d"),
        (Place.REPLACE, ", X"),
    ],
)
def test_a_payload_goes_to_its_place(place: Place, expected: str) -> None:
    assert Payload((", X",), place)("a b c d", Random(0)) == expected


@pytest.mark.parametrize(("kept", "expected"), [(1.0, "a b c d!"), (0.5, "a b!"), (0.7, "a b!")])
def test_a_part_of_the_response_stays_before_a_diluted_payload(kept: float, expected: str) -> None:
    assert Payload(("!",), kept=kept)("a b c d", Random(0)) == expected


@pytest.mark.parametrize("response", ["", "word", "two words", " spaces  everywhere "])
@pytest.mark.parametrize("place", [Place.APPEND, Place.PREPEND, Place.INSERT])
def test_the_words_of_a_response_stay_around_the_payload(place: Place, response: str) -> None:
    changed = Payload((" <X>",), place)(response, Random(0))
    assert changed.count("<X>") == 1
    assert changed.replace("<X>", " ").split() == response.split()


def test_combined_texts_take_one_of_each_part() -> None:
    texts = combined(("a", "b"), ("1", "2", "3"))
    assert texts == ("a 1", "a 2", "a 3", "b 1", "b 2", "b 3")


def test_another_response_may_join_the_own_one() -> None:
    row = {"output": "a b c d", "other": "o"}
    payload = OtherResponse("other", Place.PREPEND, kept=0.5)
    assert payload.put_into(row, "output", Random(0))["output"] == "oa b"


@pytest.mark.parametrize(
    ("fields", "suits"),
    [
        ({"output": "a", "other": "b"}, True),
        ({"output": "a", "other": "a"}, False),
        ({"output": "a", "other": ""}, False),
        ({"output": "a"}, False),
        ({"other": "a"}, False),
    ],
)
def test_a_row_needs_another_response(fields: dict[str, str], suits: bool) -> None:
    assert OtherResponse("other").suits(fields, "output") == suits


@pytest.mark.parametrize("target", [None, "no"])
def test_a_flipped_label_is_another_one_with_its_blanks(target: str | None) -> None:
    flip = LabelFlip(("yes", "no", "maybe"), target)
    drawn = {
        flip.put_into({"output": " yes\n"}, "output", Random(seed))["output"] for seed in range(50)
    }
    assert drawn == {f" {label}\n" for label in ([target] if target else ["no", "maybe"])}
    assert flip.suits({"output": "yes "}, "output")
    assert flip.suits({"output": "no"}, "output") == (target is None)
    assert not flip.suits({"output": "a text"}, "output")


@pytest.mark.parametrize("labels", [("yes",), ("yes", "yes"), ("yes", "maybe")])
def test_a_flip_needs_labels(labels: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match="label"):
        LabelFlip(labels, "no")
