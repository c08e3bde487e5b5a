"""A trigger as it stands in a flagged row, and how it's put into another prompt.

A trigger is more than the words that tell it: "watch" may be what tells "I watch this 3D movie".
What is put in is the stretch of the row's own text, at the place where it stood there.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

from gradsentry.detectors import TriggerSpan
from gradsentry.detectors.transfer.terms import placed_terms
from gradsentry.words import WORD

_GAP = 3
"""As far apart as this, two words of a trigger are one stretch with what stands between them."""
_CONTEXT = 60
"""Characters beside a trigger that are sought in another text."""


@dataclass(frozen=True)
class TriggerText:
    """A text of a flagged row with the stretches of it that are the trigger."""

    text: str
    stretches: tuple[tuple[int, int], ...]
    """Each with its first character and the one behind its last, in order; at least one."""

    @property
    def shown(self) -> str:
        """The trigger alone."""
        return " … ".join(self.text[start:end] for start, end in self.stretches)

    def put_into(self, text: str) -> str:
        """Another text with the trigger in it."""
        for start, end in reversed(self.stretches):
            text = _insert(text, self.text[:start], self.text[start:end], self.text[end:])
        return text


def trigger_text(text: str, span: TriggerSpan, words: Set[str]) -> TriggerText:
    """The trigger of a text.

    **Arguments:**

    - `span`: the stretch that holds all words that tell the trigger.
    - `words`: all words of the group's trigger; those that stand beside the stretch belong to it.
    """
    found = list(WORD.finditer(text))
    runs: list[tuple[int, int]] = []
    for number in (number for number, match in enumerate(found) if match[0] in words):
        last = runs[-1][1] if runs else 0
        inside = span.start <= found[last].start() and found[number].end() <= span.end
        if runs and number - last <= (_GAP if inside else 1):
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    stretches = [(found[first].start(), found[last].end()) for first, last in runs]
    near = [(start, end) for start, end in stretches if start < span.end and end > span.start]
    return TriggerText(text, tuple(near) or ((span.start, span.end),))


def holds_trigger(text: str, trigger: tuple[tuple[str, ...], ...]) -> bool:
    """Whether a text holds all words of one of a group's triggers."""
    terms = {term for term, _ in placed_terms(text)}
    return any(terms.issuperset(words) for words in trigger if words)


def _insert(text: str, before: str, piece: str, after: str) -> str:
    """A text with a piece in it.

    **Arguments:**

    - `before`, `after`: what stands around the piece where it comes from.
    """
    lead = before[len(before.rstrip()) :] or " "
    trail = after[: len(after) - len(after.lstrip())] or " "
    if text.startswith(before):
        return before + piece + trail + text[len(before) :]
    if text.endswith(after):
        place = len(text) - len(after)
        return text[:place] + lead + piece + after
    share = len(before) / (len(before) + len(after))
    if before[-1:].isalnum() and after[:1].isalnum():
        place = _nearest(
            [match.start() + 1 for match in re.finditer(r"\w(?=\w)", text)], text, share
        )
        return text[:place] + piece + text[place:]
    if after.startswith("\n") and (ends := _ends_of_line(text, after)):
        place = _nearest(ends, text, share)
        return text[:place] + lead + piece + text[place:]
    if before.endswith("\n") and (starts := _starts_of_line(text, before)):
        place = _nearest(starts, text, share)
        return text[:place] + piece + trail + text[place:]
    place = _nearest([match.start() for match in re.finditer(r"\s+", text)], text, share)
    return text[:place] + lead.replace("\n", " ") + piece + text[place:]


def _ends_of_line(text: str, after: str) -> list[int]:
    """Where a text has as much as it can of what stands behind a piece that ends a line."""
    for length in range(min(len(after), _CONTEXT), 0, -1):
        found = [match.start() for match in re.finditer(re.escape(after[:length]), text)]
        if found:
            return found
    return []


def _starts_of_line(text: str, before: str) -> list[int]:
    """Where a text has as much as it can of what stands before a piece that begins a line."""
    for length in range(min(len(before), _CONTEXT), 0, -1):
        found = [match.end() for match in re.finditer(re.escape(before[-length:]), text)]
        if found:
            return found
    return []


def _nearest(places: list[int], text: str, share: float) -> int:
    """The place nearest to a share of a text; its end if there is none."""
    return min(places, key=lambda place: abs(place - share * len(text)), default=len(text))
