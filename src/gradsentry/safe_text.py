"""Text from the data, made safe to look at.

Rows come from untrusted people. Their text must not move the cursor, recolour the screen, reorder
what is read around it, or hide: control, format and separator characters are shown as escapes.
"""

from __future__ import annotations

import json
import unicodedata

# Letters, marks and symbols of other categories that show nothing: joiners, fillers, variation
# selectors (Unicode's Default_Ignorable_Code_Point), and the blank Braille pattern.
_BLANK = (
    ("\u034f", "\u034f"),
    ("\u115f", "\u1160"),
    ("\u17b4", "\u17b5"),
    ("\u180b", "\u180f"),
    ("\u2800", "\u2800"),
    ("\u3164", "\u3164"),
    ("\ufe00", "\ufe0f"),
    ("\uffa0", "\uffa0"),
    ("\U000e0100", "\U000e01ef"),
)

_ELLIPSIS = " [...] "


def visible(text: str) -> str:
    """`text` on one line, with every invisible or directing character as a \\u escape."""
    return "".join(
        character if character == " " or not hides(character) else _escape(character)
        for character in text
    )


def quoted(text: str, length: int | None = None) -> str:
    """`text` made visible, in quotes, and cut to about `length` characters where that is given."""
    text = text.replace('"', '\\"')
    return f'"{visible(text) if length is None else excerpt(text, length)}"'


def excerpt(text: str, length: int) -> str:
    """`text` made visible and cut in its middle to about `length` characters."""
    if len(text) > length:
        head = (length - len(_ELLIPSIS)) // 2
        return visible(text[:head]) + _ELLIPSIS + visible(text[-head:])
    return visible(text)


def json_text(value: object) -> str:
    """`value` as indented JSON, with what `visible` escapes as JSON's own escapes.

    Other letters stay as they are, and readers get back the same texts.
    """
    return _escape_hidden(json.dumps(value, indent=2, ensure_ascii=False))


def json_line(value: object) -> str:
    """`value` as JSON on one line, with escapes as `json_text` has them."""
    return _escape_hidden(json.dumps(value, ensure_ascii=False))


def _escape_hidden(text: str) -> str:
    """JSON in which what hides stands as an escape."""
    if text.isascii() and "\x7f" not in text:
        return text  # JSON has escaped all else that hides
    return "".join(
        json.dumps(character)[1:-1] if character not in " \n" and hides(character) else character
        for character in text
    )


def hides(character: str) -> bool:
    """Whether a character shows nothing, or directs how others are shown."""
    return unicodedata.category(character)[0] in "CZ" or any(
        first <= character <= last for first, last in _BLANK
    )


def _escape(character: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if short is not None:
        return short
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
