"""Checks of options by pydantic: types and ranges, with messages in the caller's terms.

Options are frozen dataclasses, checked as they are made. Values are taken as they are or refused:
"8" is no number, and 8.0 is no whole one. Only words become the choices that they name, NumPy's
numbers Python's (which can be written to files), and lists tuples.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen, MultipleOf
from pydantic import BeforeValidator, ConfigDict, InstanceOf, TypeAdapter, ValidationError

from gradsentry.errors import OptionError

Choice = TypeVar("Choice", bound=StrEnum)

MOST_SEED = 2**32 - 1
"""What every generator of random numbers takes."""
Seed = Annotated[int, Interval(ge=0, le=MOST_SEED)]
Texts = Annotated[tuple[str, ...], MinLen(1)]
"""One text or more."""

_STRICT = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
_ONE = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_SEVERAL = {int: "whole numbers", float: "numbers", bool: "truth values", str: "texts"}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_INSTANCE_OF: Any = InstanceOf  # type checkers take it for an alias of what isn't known here
_OF_NUMBERS = (Ge, Gt, Le, Lt, Interval, MultipleOf)


def choose(kind: type[Choice], value: Any, option: str) -> Choice:
    """The member of `kind` that `value` names.

    **Raises:**

    `OptionError` naming the option and its choices.
    """
    try:
        return kind(value)
    except (ValueError, TypeError):
        raise OptionError(
            f"{option} can't be {reprlib.repr(value)}.", f"Give {describe_kind(kind)}."
        ) from None


def check_options(options: Any, *, names: dict[str, str] | None = None) -> None:
    """Check every field of a dataclass against its annotation.

    **Arguments:**

    - `options`: a frozen dataclass that is being made.
    - `names`: what messages call a field, where that isn't its name.

    **Raises:**

    `OptionError` naming the first option with a value of another type or out of range.
    """
    for field, kind, adapter in _read_fields(options.__class__):
        name = (names or {}).get(field.name, f"`{field.name}`")
        value = getattr(options, field.name)
        try:
            checked = adapter.validate_python(_without_numpy(value))
        except ValidationError as error:
            raise _refusal(name, value, kind, field.default, error) from None
        object.__setattr__(options, field.name, checked)


def describe_kind(kind: Any) -> str | None:
    """What an annotation allows, in words; None if there are no words here for some of it."""
    kind = _spread_bounds(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _describe_bounded(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        parts = [describe_kind(part) for part in arguments if part is not NoneType]
        known = [part for part in parts if part is not None]
        return " or ".join(known) if len(known) == len(parts) else None
    if origin is Literal:
        return f"one of: {', '.join(map(str, arguments))}"
    if origin is tuple and arguments[1:] == (...,):
        return f"a tuple of {_SEVERAL[arguments[0]]}" if arguments[0] in _SEVERAL else None
    if not isinstance(kind, type):
        return None
    if issubclass(kind, StrEnum):
        return f"one of: {', '.join(kind)}"
    if is_dataclass(kind):
        return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"
    return _ONE.get(kind)


def _describe_bounded(kind: Any, bounds: tuple[Any, ...]) -> str | None:
    """What an annotation with bounds allows, in words."""
    plain = describe_kind(kind)
    flat = [one for bound in bounds for one in (bound if isinstance(bound, Interval) else [bound])]
    if plain is None or not all(isinstance(bound, Ge | Gt | Le | Lt | MinLen) for bound in flat):
        return None
    if flat == [MinLen(1)] and plain.startswith("a tuple of "):
        return plain.replace("a tuple of ", "a tuple of one or more ")
    words = [
        f"{word} {getattr(bound, sign)}"
        for bound in flat
        for sign, word in _BOUNDS.items()
        if hasattr(bound, sign)
    ]
    return f"{plain} that is {' and '.join(words)}" if len(words) == len(flat) else None


@cache
def _read_fields(options: type) -> list[tuple[Field[Any], Any, TypeAdapter[Any]]]:
    """The fields that callers give, with their annotations and what checks them."""
    hints = get_type_hints(options, include_extras=True)
    return [
        (field, hints[field.name], _make_adapter(hints[field.name]))
        for field in fields(options)
        if field.init
    ]


def _make_adapter(kind: Any) -> TypeAdapter[Any]:
    checked = _for_pydantic(kind)
    # Pydantic lets nobody configure a class that is checked alone, and this one needs nothing.
    alone = get_origin(checked) is Annotated and is_dataclass(get_args(checked)[0])
    return TypeAdapter(checked) if alone else TypeAdapter(checked, config=_STRICT)


def _for_pydantic(kind: Any) -> Any:
    """An annotation under which pydantic takes what options may be, and nothing else."""
    kind = _spread_bounds(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[(_for_pydantic(arguments[0]), *arguments[1:])]
    if origin in (Union, UnionType):
        return Union[tuple(map(_for_pydantic, arguments))]  # noqa: UP007 (`|` takes no list)
    if origin is tuple:
        items = tuple(item if item is ... else _for_pydantic(item) for item in arguments)
        return Annotated[tuple[items], BeforeValidator(_as_tuple)]  # type: ignore[valid-type]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Annotated[kind, BeforeValidator(lambda value: _as_member(kind, value))]
    if isinstance(kind, type) and is_dataclass(kind):
        return _INSTANCE_OF[kind]
    return kind


def _spread_bounds(kind: Any) -> Any:
    """An annotation in which the bounds of a union are those of its parts, which can have them."""
    if get_origin(kind) is not Annotated:
        return kind
    union, *bounds = get_args(kind)
    if get_origin(union) not in (Union, UnionType):
        return kind
    parts = ((part, _suiting_bounds(part, bounds)) for part in get_args(union))
    return Union[tuple(Annotated[(part, *own)] if own else part for part, own in parts)]  # noqa: UP007


def _suiting_bounds(kind: Any, bounds: Sequence[Any]) -> list[Any]:
    """Bounds without those that None can't have, and those of numbers that a text can't have."""
    if kind is NoneType:
        return []
    if kind in (int, float) or describe_kind(kind) is None:
        return list(bounds)
    return [bound for bound in bounds if not isinstance(bound, _OF_NUMBERS)]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_member(kind: type[StrEnum], value: Any) -> StrEnum:
    try:
        return kind(value)
    except TypeError as error:  # what can't be compared is no member
        raise ValueError from error


def _without_numpy(value: Any) -> Any:
    """A value, or a list or tuple of some, with Python's numbers in place of NumPy's."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) not in (list, tuple):
        return value
    # No deeper: a list that somebody's YAML file holds may hold itself.
    return type(value)(item.item() if isinstance(item, np.generic) else item for item in value)


def _refusal(
    name: str, value: object, kind: Any, default: object, error: ValidationError
) -> OptionError:
    """The error for a value that pydantic refuses."""
    allowed = describe_kind(kind)
    if allowed is None:
        remedy = f"{error.errors(include_url=False, include_input=False)[0]['msg']}."
    else:
        remedy = f"Give {allowed}."
    if isinstance(default, int | float) and not isinstance(default, bool):
        remedy += f" The default is {default}."
    return OptionError(f"{name} can't be {reprlib.repr(value)}.", remedy)
