"""Options of any annotation that packages may write: taken as they are, or refused in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from annotated_types import Ge, Interval, MinLen
from hypothesis import given
from hypothesis import strategies as st
from pydantic import StringConstraints

from gradsentry import OptionError
from gradsentry._option_checks import Seed, Texts, check_options, choose, describe_kind


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    """Options within options."""

    size: Annotated[int, Ge(1)] = 1

    def __post_init__(self) -> None:
        check_options(self)


def options_of(kind: Any, **more: Any) -> Callable[[object], Any]:
    """What makes options with one field of a kind, and gives back its checked value."""
    made = make_dataclass(
        "Made",
        [("it", kind, field(**more))],
        frozen=True,
        namespace={"__post_init__": lambda self: check_options(self)},
    )
    return lambda value: made(value).it


TAKEN: list[tuple[Any, object, object]] = [
    (int | str, 3, 3),
    (int | str, "3", "3"),
    (int | None, None, None),
    (Annotated[int, Ge(1)] | None, None, None),
    (Annotated[int | None, Ge(1)], None, None),
    (Annotated[int | None, Ge(1)], 1, 1),
    (Annotated[int | str, Ge(1)], "auto", "auto"),
    (Annotated[int, Ge(1)] | Literal["auto"], 2, 2),
    (Annotated[int, Ge(1)] | Literal["auto"], "auto", "auto"),
    (Literal["a", "b"], "b", "b"),
    (Literal[1, 2], np.int64(2), 2),
    (Literal["a"] | None, None, None),
    (float | Literal["auto"], 1, 1.0),
    (bool | int, True, True),
    (bool | int, 1, 1),
    (tuple[str, ...], [], ()),
    (tuple[str, ...], ["a", "b"], ("a", "b")),
    (tuple[int, ...], (np.int64(1), 2), (1, 2)),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[str, ...] | None, None, None),
    (tuple[str, ...] | str, ["a"], ("a",)),
    (tuple[Colour, ...], ["red", Colour.BLUE], (Colour.RED, Colour.BLUE)),
    (Texts, ["a"], ("a",)),
    (Colour, "red", Colour.RED),
    (Colour | None, "blue", Colour.BLUE),
    (Colour | int, 3, 3),
    (Colour | int, "red", Colour.RED),
    (Inner | None, Inner(3), Inner(3)),
    (Inner | str, "small", "small"),
    (Seed, 2**32 - 1, 2**32 - 1),
    (Any, "anything", "anything"),
]

REFUSED: list[tuple[Any, object, str]] = [
    (int | str, 1.5, "Give a whole number or a text."),
    (int | str, None, "Give a whole number or a text."),
    (int | None, "3", "Give a whole number."),
    (int, True, "Give a whole number."),
    (Annotated[int, Ge(1)] | None, 0, "Give a whole number that is at least 1."),
    (Annotated[int | None, Ge(1)], 0, "Give a whole number that is at least 1."),
    (Annotated[int | str, Ge(1)], 0, "Give a whole number that is at least 1 or a text."),
    (Annotated[int, Ge(1)] | Literal["auto"], 0, "whole number that is at least 1 or one of: auto"),
    (Annotated[float, Interval(gt=0, lt=1)], 1.0, "Give a number that is above 0 and below 1."),
    (float, math.nan, "Give a number."),
    (float | None, math.inf, "Give a number."),
    (bool, 1, "Give true or false."),
    (Literal["a", "b"], "c", "Give one of: a, b."),
    (Literal["a", "b"], ["a"], "Give one of: a, b."),
    (tuple[str, ...], "ab", "Give a tuple of texts."),
    (tuple[str, ...], {"a", "b"}, "Give a tuple of texts."),
    (tuple[str, ...], ["a", 3], "Give a tuple of texts."),
    (tuple[int, ...], [True], "Give a tuple of whole numbers."),
    (Texts, (), "Give a tuple of one or more texts."),
    (Colour, "green", "Give one of: red, blue."),
    (Colour | int, "green", "Give one of: red, blue or a whole number."),
    (Inner, {"size": 3}, "Give an Inner."),
    (Inner | None, 3, "Give an Inner."),
    (Annotated[str, StringConstraints(pattern="^a")], "b", "pattern"),
    (Annotated[str, MinLen(2)], "b", "2"),
]


@pytest.mark.parametrize(("kind", "value", "expected"), TAKEN)
def test_what_an_annotation_allows_is_taken(kind: Any, value: object, expected: object) -> None:
    found = options_of(kind)(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("kind", "value", "remedy"), REFUSED)
def test_what_it_does_not_is_refused_in_words(kind: Any, value: object, remedy: str) -> None:
    with pytest.raises(OptionError) as refused:
        options_of(kind)(value)
    assert refused.value.problem.startswith("`it` can't be ")
    assert remedy in refused.value.remedy
    assert refused.value.remedy.endswith(".")


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    for kind in (int, Texts, int | str, Colour, Inner):
        with pytest.raises(OptionError, match="can't be"):
            options_of(kind)(endless)


def test_a_default_that_is_a_number_is_told() -> None:
    with pytest.raises(OptionError, match=r"at least 1\. The default is 8\."):
        options_of(Annotated[int, Ge(1)], default=8)(0)
    with pytest.raises(OptionError, match=r"Give a whole number\.$"):
        options_of(int | None, default=None)("8")


def test_fields_that_nobody_gives_are_not_checked() -> None:
    made = make_dataclass(
        "Made",
        [("it", int), ("inner", int, field(init=False))],
        namespace={"__post_init__": lambda self: check_options(self)},
    )
    assert made(3).it == 3


def test_messages_call_a_field_as_they_are_told() -> None:
    class Named(Inner):
        def __post_init__(self) -> None:
            check_options(self, names={"size": "--size"})

    with pytest.raises(OptionError, match=r"^--size can't be 0"):
        Named(0)


KINDS = [kind for kind, _, _ in TAKEN]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["red", "auto", "a", b"a", Inner(), np.int8(1), np.float32(0.5), {}, {1}]),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)


@given(st.sampled_from(KINDS), VALUES)
def test_a_checked_value_is_taken_again_as_it_is(kind: Any, value: object) -> None:
    make = options_of(kind)
    try:
        found = make(value)
    except OptionError:
        return
    again = make(found)
    assert type(again) is type(found)
    assert again == found or again != again
    assert not isinstance(found, np.generic)


@pytest.mark.parametrize("value", ["green", "", None, b"red", ["red"], {"red"}, 3, Inner])
def test_what_names_no_choice_is_refused_with_all_that_do(value: object) -> None:
    with pytest.raises(OptionError) as refused:
        choose(Colour, value, "colour")
    assert refused.value.problem.startswith("colour can't be")
    assert refused.value.remedy == "Give one of: red, blue."
    assert [choose(Colour, str(member), "colour") for member in Colour] == list(Colour)


def test_annotations_without_words_of_ours_have_none() -> None:
    for kind in (Any, complex, int | complex, tuple[int, str], Annotated[int, "note"], list[int]):
        assert describe_kind(kind) is None
