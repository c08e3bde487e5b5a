"""How a tuned model is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge

from gradsentry._option_checks import check_options
from gradsentry.models import ModelOptions


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """How many prompts a model is asked, and how long its answers may be."""

    prompts: Annotated[int, Ge(1)] = 50
    """Prompts of each kind, for each group. Fewer than 35 can't tell that a backdoor is out."""
    new_tokens: Annotated[int, Ge(1)] | None = None
    """Most tokens of an answer. None takes as many as the payloads of a group's rows need to come,
    256 at most."""
    groups: tuple[int, ...] = ()
    """Numbers of groups, from 1 as reports have them; none stands for all."""
    model: ModelOptions = field(default_factory=ModelOptions)
    """How the models are loaded; the revision is that of the tuned one."""

    def __post_init__(self) -> None:
        check_options(self)
