"""Options that are one of a few words, whether given as the word or as the enum's member."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from gradsentry.errors import OptionError

Choice = TypeVar("Choice", bound=StrEnum)


def choose(kind: type[Choice], value: str, option: str) -> Choice:
    """The member of `kind` that `value` names.

    **Raises:**

    `OptionError` naming the option and its choices.
    """
    try:
        return kind(value)
    except ValueError:
        raise OptionError(
            f"{option} can't be {value!r}.", f"It is one of: {', '.join(kind)}."
        ) from None
