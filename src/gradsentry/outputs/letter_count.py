"""Which part of the data's letters isn't of the English alphabet, by a sample of the rows."""

from __future__ import annotations

from gradsentry.errors import GradSentryError
from gradsentry.outputs.marked_turns import turns_of
from gradsentry.records import Example, Record
from gradsentry.report import ScanReport

_MOST_SAMPLED = 500
_MOST_TURNS, _MOST_CHARACTERS = 12, 1000
"""Of a row, and of a turn."""


class LetterCount:
    """Counts letters in rows that are spread over the data, as they are read."""

    def __init__(self, report: ScanReport) -> None:
        self._report = report
        self._every = max(1, len(report.scores) // _MOST_SAMPLED)
        self._others = self._letters = 0

    def add(self, record: Record) -> None:
        """Count the letters of a row, if it is in the sample."""
        if record.row % self._every == 0 and self._report.rows.scored[record.row]:
            others, letters = letters_beyond_english(self._report.layout.example(record))
            self._others, self._letters = self._others + others, self._letters + letters

    @property
    def share(self) -> float:
        """Of the letters counted so far."""
        return self._others / max(1, self._letters)


def share_of_other_letters(report: ScanReport) -> float | None:
    """The share in all of the data, which are read for it; None if they can't be read anymore: by
    then the results are written, and a note isn't worth losing the verdict for."""
    count = LetterCount(report)
    try:
        for record in report.source.records():
            count.add(record)
    except (GradSentryError, OSError):
        return None
    return count.share


def letters_beyond_english(example: Example) -> tuple[int, int]:
    """How many letters of a row aren't of the English alphabet, and how many it has."""
    text = "".join(turn.text[:_MOST_CHARACTERS] for turn in turns_of(example)[:_MOST_TURNS])
    letters = [character for character in text if character.isalpha()]
    return sum(not character.isascii() for character in letters), len(letters)
