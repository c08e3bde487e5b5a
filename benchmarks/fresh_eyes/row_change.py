"""What every attack and every benign pattern is: a change to some of a data set's rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Row = dict[str, str]


@dataclass(frozen=True)
class RowChange:
    """Where a pattern goes, how much of the data it takes, and what it does to a row."""

    name: str
    data: str
    """The data set, by its name in `mixtures.task`."""
    share: float
    """Of all rows, those that are changed; fewer if fewer suit."""
    suits: Callable[[Row], bool]
    """Whether a row can take it."""
    change: Callable[[Row, Random], Row]
    """The changed copy of a row."""
