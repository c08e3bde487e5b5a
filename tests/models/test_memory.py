"""Freed memory is kept for the next batch, and given back when asked."""

from __future__ import annotations

from gradsentry.models.memory import give_back_freed_memory, keep_freed_memory


def test_memory_may_be_kept_and_given_back_at_any_time() -> None:
    for _ in range(2):
        keep_freed_memory()
        give_back_freed_memory()
