"""How rows become tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge

from gradsentry._option_checks import check_options


class Boundary(StrEnum):
    """Where prompt and response meet."""

    SEPARATE = "separate"
    """Each is tokenised by itself, as in the paper's reference code, LLaMA-Factory and Axolotl."""
    JOINT = "joint"
    """Tokenised as one text, as in TRL: the response starts where the tokens first differ from
    those of the prompt alone."""


class Targets(StrEnum):
    """Which tokens the loss, and so the gradient, is taken over."""

    RESPONSE = "response"
    """The response with its EOS; in a conversation all assistant turns."""
    ALL = "all"
    """Every token, as TRL does by default for `messages` and `text`."""


class LongText(StrEnum):
    """What becomes of a document, in a `text` column, that is longer than the maximum length."""

    CUT = "cut"
    """It is cut off, and what lies behind isn't scored."""
    WINDOWS = "windows"
    """It is read window by window, as a trainer that packs documents into blocks does."""


@dataclass(frozen=True, kw_only=True)
class EncodingOptions:
    """What a trainer's settings would be."""

    max_length: Annotated[int, Ge(2)] = 1024
    """Tokens a row may have; what lies behind is cut off and never trains."""
    boundary: Boundary = Boundary.SEPARATE
    """How prompt and response are tokenised where they meet."""
    targets: Targets = Targets.RESPONSE
    """Which tokens are targets."""
    long_text: LongText = LongText.CUT
    """Whether long documents without a prompt are cut off or read in windows."""
    chat_template: str | None = None
    """Jinja text of a chat template that replaces the model's own."""

    def __post_init__(self) -> None:
        check_options(self)
