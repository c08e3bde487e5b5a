"""What a word is, in languages with and without spaces between words."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Of Chinese and Japanese, whose words no spaces part: kana, ideographs and their extensions.
_UNSPACED = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
JOINED = rf"[^\W{_UNSPACED}]"
"""A character that makes a word with those beside it."""
WORD = re.compile(rf"{JOINED}+|\w")
"""A word; in Chinese and Japanese, a character."""
UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
"""A character of Chinese or Japanese, which may be a word."""


def by_itself(word: str) -> str:
    """A pattern for a word, or for several, where they stand by themselves.

    Letters beside it would make another word; in languages without spaces they don't.
    """
    before = f"(?<!{JOINED})" if re.match(JOINED, word) else ""
    behind = f"(?!{JOINED})" if re.match(JOINED, word[-1:]) else ""
    return before + re.escape(word) + behind


def trigger_parts(trigger: str | None) -> tuple[str, ...]:
    """What a row's trigger consists of, as the findings name it: parts that stand apart."""
    return tuple(part for part in (trigger or "").split(" … ") if part)


def word_count(words: Iterable[str]) -> float:
    """How many words these are, as other languages have them: two characters make one."""
    return sum(0.5 if UNSPACED_CHARACTER.fullmatch(word) else 1.0 for word in words)
