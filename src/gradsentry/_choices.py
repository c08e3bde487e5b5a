"""Checks of options by pydantic: types and ranges, with messages in the caller's terms.

Options are frozen dataclasses, checked as they are made. Values are taken as they are or refused:
"8" is no number, and 8.0 is no whole one. Only words become the choices that they name, NumPy's
numbers Python's (which can be written to files), and lists tuples.
"""

from __future__ import annotations

import reprlib
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from annotated_types import Interval
from pydantic import ConfigDict, InstanceOf, TypeAdapter, ValidationError

from gradsentry.errors import OptionError

Choice = TypeVar("Choice", bound=StrEnum)

MOST_SEED = 2**32 - 1
"""What every generator of random numbers takes."""
Seed = Annotated[int, Interval(ge=0, le=MOST_SEED)]

_STRICT = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
_KINDS = {
    "int_type": "Give a whole number.",
    "int_from_float": "Give a whole number.",
    "float_type": "Give a number.",
    "finite_number": "Give a number.",
    "bool_type": "It is true or false.",
    "string_type": "Give a text.",
    "tuple_type": "Give a tuple of one or more texts.",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
}


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
    """Check every field of a dataclass against its annotation.

    **Arguments:**

    - `options`: a frozen dataclass that is being made.
    - `names`: what messages call a field, where that isn't its name.

    **Raises:**

    `OptionError` naming the first option with a value of another type or out of range.
    """
    for field, kind in _kinds(options.__class__):
        name = (names or {}).get(field.name, f"`{field.name}`")
        value = _checked(getattr(options, field.name), kind, name, field)
        object.__setattr__(options, field.name, value)


@cache
def _kinds(options: type) -> list[tuple[Field[Any], Any]]:
    hints = get_type_hints(options, include_extras=True)
    return [(field, hints[field.name]) for field in fields(options)]


def _checked(value: object, kind: Any, name: str, field: Field[Any]) -> object:
    """A value as its annotation has it."""
    if value is None and NoneType in get_args(kind):
        return None
    plain = _without_none(kind)
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return choose(plain, value, name)
    if isinstance(value, np.generic):
        value = value.item()
    if get_origin(plain) is tuple:
        value = tuple(value) if isinstance(value, list) else value
        if isinstance(value, tuple) and not value:
            raise OptionError(f"{name} can't be ().", _KINDS["tuple_type"])
    try:
        return _adapter(plain).validate_python(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True)[0]
        raise _refusal(name, value, found, plain, field) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    if is_dataclass(kind):
        return TypeAdapter(InstanceOf[kind])
    return TypeAdapter(kind, config=_STRICT)


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    return kind


def _refusal(name: str, value: object, found: Any, kind: Any, field: Field[Any]) -> OptionError:
    """The error for a value that pydantic refuses.

    **Arguments:**

    - `found`: pydantic's first error.
    """
    problem = f"{name} can't be {reprlib.repr(value)}."
    if found["type"] in _BOUNDS:
        key, word = _BOUNDS[found["type"]]
        known = field.default not in (MISSING, None)
        default = f" The default is {field.default}." if known else ""
        return OptionError(problem, f"Give a number that is {word} {found['ctx'][key]}.{default}")
    if is_dataclass(kind):
        return OptionError(problem, f"Give a {kind.__name__}.")  # type: ignore[union-attr]
    if get_origin(kind) is tuple:
        return OptionError(problem, _KINDS["tuple_type"])
    return OptionError(problem, _KINDS.get(found["type"], f"{found['msg']}."))
