"""Which rows to read, and what their columns mean."""

from __future__ import annotations

from dataclasses import dataclass

from gradsentry._option_checks import check_options


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Which rows to read, and which columns mean what."""

    subset: str | None = None
    """Configuration of a data set that has several."""
    split: str | None = None
    """Split of a data set that has several; `train` if there is one."""
    prompt_column: str | None = None
    """Column with the prompt; needs `response_column`."""
    prompt_template: str | None = None
    """Prompt text with column names in braces; needs `response_column`."""
    response_column: str | None = None
    """Column with the response."""
    label_column: str | None = None
    """Column that is 1 or true for rows known to be poisoned; for measuring only."""

    def __post_init__(self) -> None:
        check_options(self)
