"""Examples with a trigger taken out of their prompts."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, replace

from gradsentry.detectors.transfer.sentences import without_sentences
from gradsentry.detectors.transfer.terms import MARKS, bare, mark_of
from gradsentry.records import Conversation, Example, Message, TextPair, parts_of
from gradsentry.words import JOINED

# No space is read twice, however many there are.
_SPACED_PART = re.compile(rf"(?P<space>\s*+)(?:(?P<part>(?P<word>{JOINED}+)|\S)|\Z)")


@dataclass(frozen=True)
class TakenOut:
    """What is taken out of prompts, to see what a model says without it."""

    terms: frozenset[str]
    """Words, each taken out where its mark says that it stands."""
    sentences: bool = False
    """Whether whole sentences go that hold any of the terms, which pairs of words may be, too."""

    def out_of(self, example: Example) -> Example:
        """An example without it."""
        if not self.terms:
            return example
        match example:
            case TextPair():
                return replace(example, prompt=self._out_of_text(example.prompt, self.terms))
            case Conversation():
                taken = {
                    part: {bare(term) for term in self.terms if mark_of(term) == mark}
                    for part, mark in MARKS.items()
                }
                targets = example.target_turns
                answered = targets[-1] if targets else len(example.messages)
                parts = parts_of(example.messages, answered)
                return replace(
                    example,
                    messages=[
                        self._out_of_message(message, taken.get(part, set()))
                        for message, part in zip(example.messages, parts, strict=True)
                    ],
                )
            case _:
                return example

    def _out_of_message(self, message: Message, terms: Set[str]) -> Message:
        content = message["content"]
        if not isinstance(content, str) or not terms:
            return message
        return {**message, "content": self._out_of_text(content, terms)}

    def _out_of_text(self, text: str, terms: Set[str]) -> str:
        return without_sentences(text, terms) if self.sentences else text_without(text, terms)


def text_without(text: str, words: Set[str]) -> str:
    """A text without some words by themselves and marks anywhere, and without the space before
    them unless that parts words.

    One pass, whatever the number of words. Those of several parts, as pairs are, are few: they are
    taken out first.
    """
    for blank in filter(str.isspace, words):
        text = text.replace(blank, "")
    several = sorted(
        (word for word in words if not _SPACED_PART.fullmatch(word)),
        key=lambda word: (-len(word), word),
    )
    if whole := [word for word in several if " " not in word]:
        text = re.sub("|".join(map(_alone, whole)), "", text)
    if pairs := [word for word in several if " " in word]:
        text = re.sub("|".join(map(_alone, pairs)), _marks_between, text)

    def kept(match: re.Match[str]) -> str:
        if match["part"] not in words:
            return match[0]
        parts_words = not match["word"] and re.match(JOINED, text[match.end() : match.end() + 1])
        return match["space"] if parts_words else ""

    return _SPACED_PART.sub(kept, text)


def _alone(words: str) -> str:
    """A pattern that finds words with only marks and spaces between them, where no word goes on
    beside them, with the space before."""
    before = rf"(?<!{JOINED})" if re.match(JOINED, words) else ""
    behind = rf"(?!{JOINED})" if re.search(rf"{JOINED}\Z", words) else ""
    parts = r"[^\w]*+".join(map(re.escape, words.split(" ")))
    return rf"(?:(?<!\s)\s*+)?{before}{parts}{behind}"


def _marks_between(words: re.Match[str]) -> str:
    """What stands between words that are taken out, without spaces that part them."""
    return "".join(re.findall(r"[^\w\s]|\n", words[0].strip()))
