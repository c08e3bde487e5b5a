"""Scans of one process take turns.

Loading a model sets torch's and transformers' global defaults for a while, such as the data type of
new tensors. Two threads that do so at once leave them set, and a scan meanwhile computes in them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_TURN = threading.RLock()
"""Reentrant: what takes its turn may call what takes turns, too."""


def taking_turns(
    function: Callable[_Arguments, _Result],
) -> Callable[_Arguments, _Result]:
    """A function that waits while another thread is in one that takes turns."""

    @wraps(function)
    def in_turn(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        with _TURN:
            return function(*arguments, **options)

    return in_turn
