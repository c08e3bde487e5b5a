"""Rows on their way to evidence."""

from __future__ import annotations

import numpy as np

from gradsentry.detectors.transfer.findings import GainedRows, seen
from gradsentry.records import Conversation
from tests.conftest import byte_tokenizer


def chat(*said: str) -> Conversation:
    """Users and the assistant in turn."""
    roles = ("user", "assistant")
    return Conversation([{"role": roles[n % 2], "content": text} for n, text in enumerate(said)])


def test_of_a_rows_later_turns_the_one_that_gains_most_is_told_what_stands_before() -> None:
    rows = [chat("a", "b", "c", "d", "e", "f"), chat("g", "h")]
    gains = np.array([9, 1, 5, 7], np.float32)
    numbers = (np.arange(4), np.ones(4, np.float32), gains)
    gained = GainedRows.of(rows, [[1, 1, 1], [1]], numbers, byte_tokenizer())
    assert [context.earlier for context in gained.contexts] == ["", "a", "a\nc", ""]
    assert [context.is_told for context in gained.contexts] == [False, False, True, False]
    assert [context.is_last for context in gained.contexts] == [False, False, True, True]
    later = seen(gained.units[0][1].turn, 0.0, np.ones(1, np.float32))
    assert later.context.is_told  # any of them may hold the payload of a row that is judged
