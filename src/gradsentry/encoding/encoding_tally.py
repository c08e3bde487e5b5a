"""What an encoder has to say of the rows that it encoded, besides the rows themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EncodingTally:
    """Of some rows; those of several lots of rows add up, in the order of the rows."""

    template_problem: str | None = None
    """Why the first conversation that the chat template refused was refused."""
    tokenizer_problem: str | None = None
    """What the tokenizer said of the first text that it failed on."""
    writes_date: bool = False
    """Whether a chat template asked for today's date."""
    cut_tokens: int = 0
    """Tokens of the rows that were cut off, counted as far as they were looked at."""
    cut_characters: int = 0
    """Their characters."""

    def __add__(self, later: EncodingTally) -> EncodingTally:
        return EncodingTally(
            self.template_problem or later.template_problem,
            self.tokenizer_problem or later.tokenizer_problem,
            self.writes_date or later.writes_date,
            self.cut_tokens + later.cut_tokens,
            self.cut_characters + later.cut_characters,
        )
