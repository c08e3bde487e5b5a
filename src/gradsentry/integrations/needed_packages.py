"""Packages that an integration needs, imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gradsentry.errors import InputError


def import_needed(module: str, package: str) -> Any:
    """A module of a package that users install themselves.

    **Raises:**

    `InputError` if it isn't installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise InputError(
            f"This needs the package {package}.", f"Install it with: pip install {package}."
        ) from None
