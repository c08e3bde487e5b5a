"""Text from the data, made safe to look at.

Rows come from untrusted people. Their text must not move the cursor, recolour the screen, reorder
what is read around it, or hide: control, format and separator characters are shown as escapes.
"""

from __future__ import annotations

import unicodedata

_ELLIPSIS = " [...] "


def visible(text: str) -> str:
    """`text` on one line, with every invisible or directing character as a \\u escape."""
    return "".join(
        character
        if character == " " or unicodedata.category(character)[0] not in "CZ"
        else _escape(character)
        for character in text
    )


def excerpt(text: str, length: int) -> str:
    """`text` made visible and cut in its middle to about `length` characters."""
    if len(text) > length:
        head = (length - len(_ELLIPSIS)) // 2
        return visible(text[:head]) + _ELLIPSIS + visible(text[-head:])
    return visible(text)


def _escape(character: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if short is not None:
        return short
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
