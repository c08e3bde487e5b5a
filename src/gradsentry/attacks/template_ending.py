"""What all prompts of a data set end with, where a template is part of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradsentry.records import shared_beginning


def find_template_ending(prompts: Iterable[str]) -> str:
    """What all prompts end with, from a line break on; empty if they share no such ending."""
    last = ""

    def backwards() -> Iterator[str]:
        nonlocal last
        for last in prompts:
            yield last[::-1]

    shared = shared_beginning(backwards())
    ending = last[len(last) - shared :]
    return ending[ending.find("\n") :] if "\n" in ending else ""
