"""Settings that libraries take from the current folder, which is often the data's.

Some may name code to run, so a library that would follow such a file isn't used beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

from gradsentry.errors import InputError


def refuse_settings_here(name: str, who: str) -> None:
    """Refuse to go on where a library would follow a file of the current folder.

    **Arguments:**

    - `name`: of the file, and `who` would follow it.

    **Raises:**

    `InputError` if it is there.
    """
    if os.path.lexists(name):
        raise InputError(
            f"{Path(name).absolute()}: {who} would follow this file, which may name code to run.",
            "Delete it, or run the command in another folder.",
        )
