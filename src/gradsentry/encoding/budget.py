"""What a chat template may use up on one conversation.

A chat template comes with the model, and it is a program: a loop without an end or a text that
doubles at every step must cost one row, not the scan. Steps, characters and the size of numbers are
counted, so that the same template fails on the same rows everywhere; the clock is the last resort.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import TemplateError

_STEPS, _STEPS_OF_VALUE, _STEPS_OF_CHARACTER = 200_000, 1_000, 1
"""Steps of any conversation, and for each value and character in it: TRL's templates need under a
tenth."""
_CHARACTERS, _CHARACTERS_OF_CHARACTER = 2_000_000, 20
"""Likewise of text: JSON writes up to twelve for an emoji."""
_CHARACTERS_OF_STEP = 256
"""Characters that are handled in the time of a step."""
_LARGEST_NUMBER = 100_000
"""As argument of a function or a filter; also Jinja's own limit of `range`."""
_LARGEST_BITS = 4096
"""Of a number that is computed."""
_SECONDS, _SECONDS_OF_VALUE = 30.0, 0.01
"""Far longer than the steps take."""
_STEPS_BETWEEN_CLOCKS = 1_000
_LONGEST_SETTING = 1_000
"""Characters of a text that says how to join, indent or wrap others."""
_LONGEST_WRAPPED = 100_000
_BY_CHANCE = ("lipsum", "generate_lorem_ipsum", "random")
_SIZED = (str, bytes, list, tuple)
_WIDE_FIELD = re.compile(r"\d{5,}")


class OverBudgetError(TemplateError):
    """A template uses more than any reasonable one would."""


class Budget:
    """Counts what a template uses up on one conversation."""

    def __init__(self, *given: object) -> None:
        self._weights: dict[int, tuple[object, int]] = {}
        values, characters = 0, 0
        for value in _leaves(given):
            values += 1
            characters += len(value) if isinstance(value, str) else 0
        self._steps = _STEPS + _STEPS_OF_VALUE * values + _STEPS_OF_CHARACTER * characters
        self._most_steps = self._steps
        self._characters = _CHARACTERS + _CHARACTERS_OF_CHARACTER * characters
        self._deadline = time.monotonic() + _SECONDS + _SECONDS_OF_VALUE * values
        self._next_clock = self._steps

    def step(self, characters: int = 0) -> None:
        """One more step is done, on so many characters."""
        self._steps -= 1 + characters // _CHARACTERS_OF_STEP
        if self._steps < self._next_clock:
            self._next_clock = self._steps - _STEPS_BETWEEN_CLOCKS
            if self._steps < 0 or time.monotonic() > self._deadline:
                raise OverBudgetError("it takes too many steps")

    def size(self, characters: int) -> None:
        """A text of so many characters is to be made."""
        if characters > self._characters:
            raise OverBudgetError("it makes too long a text")

    def number(self, value: object) -> None:
        """A function is given a number."""
        if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
            raise OverBudgetError("it uses too large a number")

    def made(self, value: Any) -> Any:
        """A value was made; containers of containers may be far larger than they look."""
        if isinstance(value, str):
            self.step(len(value))
            self.size(len(value))
        elif isinstance(value, (list, tuple, dict)) and self._weight(value) > self._most_steps:
            raise OverBudgetError("it makes too large a list")
        return value

    def function(self, name: str, own: object, arguments: Iterable[object]) -> None:
        """A function or filter is to be called on a value, or is a value's own."""
        given = list(arguments)
        for value in given:
            self.number(value)
            self.step(len(value) if isinstance(value, str) else 0)
        if name in _BY_CHANCE:
            raise OverBudgetError("it writes what chance gives")
        if isinstance(own, str):
            self.step(len(own))
            self._text_function(name, own, given)
        elif name in ("join", "tojson"):
            self._settings(given)

    def _text_function(self, name: str, own: str, given: list[object]) -> None:
        """A function is to be called on a text."""
        if name in ("format", "format_map") and _is_wide(own, given):
            raise OverBudgetError("it makes too long a text")
        if name in ("join", "indent", "wordwrap", "urlize", "tojson"):
            self._settings(given)
            self._settings(
                [own] if name == "join" and given and not isinstance(given[0], str) else []
            )
        if name in ("wordwrap", "urlize") and len(own) > _LONGEST_WRAPPED:
            raise OverBudgetError("it wraps too long a text")
        if name == "replace" and len(given) > 1:
            old, new = str(given[0]), str(given[1])
            self.size(len(own) + (own.count(old) if old else len(own) + 1) * len(new))
        if name == "translate" and given and isinstance(given[0], Mapping):
            self.size(len(own) * max((len(str(new)) for new in given[0].values()), default=0))

    def _settings(self, given: Iterable[object]) -> None:
        for value in given:
            for text in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(text, str) and len(text) > _LONGEST_SETTING:
                    raise OverBudgetError("it joins by too long a text")

    def operation(self, operator: str, left: Any, right: Any) -> None:
        """Two values are to be added, multiplied, raised or formatted."""
        self.step()
        sizes = [len(value) for value in (left, right) if isinstance(value, _SIZED)]
        if operator == "+" and len(sizes) == 2:
            self.size(sum(sizes))
        elif operator == "%" and isinstance(left, str) and _is_wide(left, [right]):
            raise OverBudgetError("it makes too long a text")
        elif operator == "*" and len(sizes) == 1:
            times = right if isinstance(right, int) else left
            self.size(sizes[0] * max(0, times if isinstance(times, int) else 0))
        elif operator in "**" and isinstance(left, int) and isinstance(right, int):
            bits = (
                left.bit_length() * max(0, right)
                if operator == "**"
                else left.bit_length() + right.bit_length()
            )
            if bits > _LARGEST_BITS:
                raise OverBudgetError("it computes too large a number")

    def _weight(self, value: object) -> int:
        """How many values a container holds, each counted as often as it is held."""
        if not isinstance(value, (list, tuple, dict)):
            return 1
        known = self._weights.get(id(value))
        if known is not None:
            return known[1]
        self.step()
        items: Iterable[object] = value.values() if isinstance(value, dict) else value
        weight = 1 + sum(map(self._weight, items))
        self._weights[id(value)] = value, weight  # kept, so that its id isn't given to another
        return weight


def _is_wide(pattern: str, given: Iterable[object]) -> bool:
    """Whether a pattern may make a field far wider than what it holds."""
    widths = [item for value in given for item in (value if isinstance(value, tuple) else (value,))]
    told = "*" in pattern or "}}" in pattern or "{:{" in pattern
    return _WIDE_FIELD.search(pattern) is not None or (
        told and any(isinstance(width, int) and abs(width) > _LARGEST_NUMBER for width in widths)
    )


def _leaves(value: object) -> Iterable[object]:
    """All values in nested containers."""
    stack = [value]
    while stack:
        top = stack.pop()
        if isinstance(top, Mapping):
            stack.extend(top.keys())
            stack.extend(top.values())
        elif isinstance(top, (list, tuple)):
            stack.extend(top)
        else:
            yield top
