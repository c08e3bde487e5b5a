"""What may be chosen of the transfer detector."""

from __future__ import annotations

from dataclasses import dataclass

from gradsentry._choices import check_options, check_seed
from gradsentry.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class TransferOptions:
    """What may be chosen; the rest was fixed by measuring (docs/findings/transfer.md)."""

    seed: int = 0
    """Draws folds, the order of steps, and the projection of wide hidden states."""
    fit_tokens: int = 200_000
    """Target tokens that corrections are fitted on; bounds time, memory and disk."""
    sensitivity: bool = False
    """Where nothing is found, plant canaries and say how few of them would have been."""

    def __post_init__(self) -> None:
        check_options(self)
        check_seed(self.seed)
        if self.fit_tokens < 1:
            raise OptionError("--fit-tokens must be at least 1.", "The default is 200000.")
