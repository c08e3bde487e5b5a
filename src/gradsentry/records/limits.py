"""How much one row may hold: what bounds the memory of every reader."""

from __future__ import annotations

from gradsentry.errors import InputError

ROW_TEXT = 8 << 20
"""Bytes of text that a row may hold: two million tokens, more than any trainer's window.

Python's objects may take 27 times as much (a row of empty lists in JSON), and a scan shall never
need more than 300 MB for a row, whatever is in it.
"""

ROW_BYTES = 64 << 20
"""Bytes that a row of a table may hold with its images and sounds, which are carried as bytes."""


def too_much_text(place: str) -> InputError:
    """The error for a row, a line or a quoted field that is larger than any row may be."""
    return InputError(
        f"{place}: the row holds more than {ROW_TEXT >> 20} MiB of text.",
        "Remove or shorten it; no trainer takes so much in one row. A quote or bracket that isn't "
        "closed, or line ends that are missing, make one row of many.",
    )


def too_many_bytes(place: str) -> InputError:
    """The error for a row of a table that is too large with all that isn't text."""
    return InputError(
        f"{place}: the row holds more than {ROW_BYTES >> 20} MiB.",
        "Remove it, or leave out the column that makes it so large.",
    )
