"""The errors that a user can cause and mend.

Everything that GradSentry raises on purpose derives from `GradSentryError`; its text names what is
wrong, where, and what to do about it. Anything else that escapes is a fault of ours.
"""

from __future__ import annotations


class GradSentryError(Exception):
    """Something that the user can mend.

    **Arguments:**

    - `problem`: what is wrong and where (file, row), as one sentence.
    - `remedy`: what to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n{remedy}")
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[GradSentryError], tuple[str, str]]:
        """So that it comes as it is from other processes."""
        return type(self), (self.problem, self.remedy)


class InputError(GradSentryError):
    """The data can't be read as it stands."""


class ModelError(GradSentryError):
    """The model can't be loaded, or can't be used for scoring."""


class OutputError(GradSentryError):
    """The results can't be written."""


class OptionError(GradSentryError):
    """An option has a value that makes no sense."""
