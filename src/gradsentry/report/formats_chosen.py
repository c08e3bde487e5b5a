"""Which files a results folder gets besides the parts of the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradsentry.errors import OptionError
from gradsentry.registry import FORMATS

ALL = "all"
"""Stands for every format."""


def load_formats(also: Sequence[str] = (ALL,)) -> list[Any]:
    """The classes of the formats in which results are written, in the order of writing.

    **Arguments:**

    - `also`: names of formats that are written besides those that every folder gets; "all" stands
        for every one.

    **Raises:**

    `OptionError` for a name that no format has, for one that is no format, or whose file would lie
    elsewhere.
    """
    found = []
    names = FORMATS.names()
    for name in also:
        if name not in (ALL, *names):
            FORMATS.load(name)  # says which names there are
    for name in names:
        form: Any = FORMATS.load(name)
        file_name = getattr(form, "file_name", None)
        if not isinstance(file_name, str) or Path(file_name).name != file_name:
            raise OptionError(
                f"The format {name} has no file name, or one with folders in it.",
                "Mend or remove the package that declares it.",
            )
        if name in also or ALL in also or getattr(form, "by_default", True):
            found.append(form)
    return sorted(found, key=lambda form: bool(getattr(form, "is_written_last", False)))
