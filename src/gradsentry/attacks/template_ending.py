"""The ending that a template gives to all prompts of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradsentry.records import shared_beginning


def find_template_ending(prompts: Iterable[str]) -> str:
    """The ending that all prompts share, from its first line break on; empty if there is none."""
    last = ""

    def backwards() -> Iterator[str]:
        nonlocal last
        for last in prompts:
            yield last[::-1]

    shared = shared_beginning(backwards())
    ending = last[len(last) - shared :]
    return ending[ending.find("\n") :] if "\n" in ending else ""
