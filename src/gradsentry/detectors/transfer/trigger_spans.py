"""Where a trigger stands in a row's prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradsentry.detectors.detection import TriggerSpan
from gradsentry.detectors.transfer.terms import MARKS, bare, mark_of, placed_terms
from gradsentry.records import Conversation, Turn, parts_of


def trigger_span(turn: Turn, rule: Sequence[str]) -> TriggerSpan | None:
    """The last stretch before a turn that holds all words of a rule; None if they stand apart.

    **Arguments:**

    - `rule`: terms, with the marks that say in which part of the conversation they stand.
    """
    if not rule:
        return None
    words = {bare(word) for term in rule for word in term.split(" ")}
    for message, text in _texts(turn, mark_of(rule[0])):
        last = {word: start for word, start in placed_terms(text) if word in words}
        if len(last) == len(words):
            end = max(start + len(word) for word, start in last.items())
            return TriggerSpan(message, min(last.values()), end)
    return None


def _texts(turn: Turn, mark: str) -> Iterator[tuple[int | None, str]]:
    """The texts of one part of what stands before a turn, the last one first."""
    if not isinstance(turn.example, Conversation):
        yield None, turn.asked
        return
    messages = turn.example.messages
    parts = parts_of(messages, len(messages) - 1)
    for position in reversed(range(len(messages))):
        content = messages[position]["content"]
        if MARKS.get(parts[position]) == mark and isinstance(content, str):
            yield position, content
