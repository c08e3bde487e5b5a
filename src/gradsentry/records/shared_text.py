"""What texts have in common: the template around them."""

from __future__ import annotations

from collections.abc import Iterable


def shared_beginning(texts: Iterable[str]) -> int:
    """Characters with which all texts begin; 0 if there are no texts."""
    first = last = None  # in alphabetical order: what these share, all between them share
    for text in texts:
        first = text if first is None or text < first else first
        last = text if last is None or text > last else last
    if first is None or last is None:
        return 0
    pairs = enumerate(zip(first, last, strict=False))
    return next((place for place, (a, b) in pairs if a != b), len(first))
