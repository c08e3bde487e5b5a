"""Checks of options: each is of its type, whoever gives it and from wherever."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from gradsentry.errors import OptionError

Choice = TypeVar("Choice", bound=StrEnum)

MOST_SEED = 2**32 - 1
"""What every generator of random numbers takes."""


def choose(kind: type[Choice], value: Any, option: str) -> Choice:
    """The member of `kind` that `value` names.

    **Raises:**

    `OptionError` naming the option and its choices.
    """
    try:
        return kind(value)
    except (ValueError, TypeError):
        raise OptionError(
            f"{option} can't be {reprlib.repr(value)}.", f"It is one of: {', '.join(kind)}."
        ) from None


def check_options(options: Any, *, names: dict[str, str] | None = None) -> None:
    """Check every field of a dataclass against its type, and make words the choices they name.

    Numbers of NumPy become Python's, which can be written to files; lists become tuples.

    **Arguments:**

    - `options`: a frozen dataclass that is being made.
    - `names`: what messages call a field, where that isn't its flag.

    **Raises:**

    `OptionError` naming the first option with a value of another type.
    """
    for field, kind in _kinds(options.__class__).items():
        name = (names or {}).get(field, f"--{field.replace('_', '-')}")
        object.__setattr__(options, field, _checked(getattr(options, field), kind, name))


def check_seed(seed: int) -> None:
    """Check that a seed suits all generators.

    **Raises:**

    `OptionError` if not.
    """
    if not 0 <= seed <= MOST_SEED:
        raise OptionError(
            f"--seed must not be negative, nor more than {MOST_SEED}.", "The default is 0."
        )


@cache
def _kinds(options: type) -> dict[str, Any]:
    hints = get_type_hints(options)
    return {field.name: hints[field.name] for field in fields(options)}


def _checked(value: object, kind: Any, name: str) -> object:
    """A value as the type has it; types that aren't options' are taken as they are."""
    if isinstance(kind, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
        if value is None:
            return None
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return choose(kind, value, name)
    if get_origin(kind) is tuple:
        return _texts(value, name)
    if is_dataclass(kind):
        if isinstance(value, kind):  # type: ignore[arg-type]
            return value
        called = kind.__name__  # type: ignore[union-attr]
        raise _wrong(name.removeprefix("--"), value, f"Give a {called}.")
    if kind in _PLAIN:
        is_one, made, remedy = _PLAIN[kind]
        if not is_one(value):
            raise _wrong(name, value, remedy)
        return made(value)
    return value


def _texts(value: object, name: str) -> tuple[str, ...]:
    if (
        not isinstance(value, tuple | list)
        or not value
        or not all(isinstance(text, str) for text in value)
    ):
        raise _wrong(name, value, "Give a tuple of one or more texts.")
    return tuple(value)


def _wrong(name: str, value: object, remedy: str) -> OptionError:
    return OptionError(f"{name} can't be {reprlib.repr(value)}.", remedy)


def _is_number(value: object) -> bool:
    if not isinstance(value, Real) or _is_truth(value):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not _is_truth(value)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool | np.bool_)


_PLAIN: dict[Any, tuple[Callable[[object], bool], Callable[[Any], object], str]] = {
    bool: (_is_truth, bool, "It is true or false."),
    int: (_is_whole, int, "Give a whole number."),
    float: (_is_number, float, "Give a number."),
    str: (lambda value: isinstance(value, str), str, "Give a text."),
}
