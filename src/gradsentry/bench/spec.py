"""Plans as YAML: names with values, checked when they are read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml

from gradsentry.errors import InputError, OptionError


def read_yaml(path: Path) -> object:
    """What a YAML file holds.

    **Raises:**

    `InputError` if it can't be read.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror}).", "Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{path}: not a YAML file ({line}).", "Mend the file.") from None


def below(folder: Path, name: str) -> str:
    """The file or folder of that name below a folder, if it is there; else a name on the Hub."""
    return str(folder / name) if (folder / name).exists() else name


def named(value: object, known: set[str] | None, place: str) -> dict[str, Any]:
    """Names with values, of those that are known; None lets all pass."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{place}: names with values are needed.", "See the example in the docs.")
    if any("/" in name or "\\" in name or name.startswith(".") for name in value):
        raise InputError(f"{place}: names become file names.", "Leave out slashes and dots.")
    unknown = set() if known is None else value.keys() - known
    if unknown:
        raise InputError(
            f"{place}: {sorted(unknown)[0]!r} isn't known here.",
            f"Known are {', '.join(sorted(known or ()))}.",
        )
    return value


def filled(kind: Any, value: object, place: str) -> Any:
    """A dataclass from names with values; a single value stands for a list of one."""
    known = {item.name: item for item in fields(kind)}
    given = named(value, set(known), place)
    for name, item in known.items():
        if name not in given and item.default is item.default_factory is MISSING:
            raise InputError(f"{place}: {name!r} is missing.", "See the example in the docs.")
    filled = {}
    for name, own in given.items():
        is_list = str(known[name].type).startswith("tuple")
        filled[name] = tuple(own if isinstance(own, list) else [own]) if is_list else own
    try:
        return kind(**filled)
    except TypeError as error:
        raise InputError(f"{place}: {error}.", "See the example in the docs.") from None


def checked(name: str, values: Iterable[Any], holds: Callable[[Any], bool]) -> None:
    """Refuse values for which something doesn't hold."""
    for value in values:
        if not holds(value):
            raise OptionError(f"{name} can't be {value!r}.", "See the example in the docs.")


def is_text(value: object) -> bool:
    """Whether it is a text, and not empty."""
    return isinstance(value, str) and value != ""


def is_number(value: object) -> bool:
    """Whether it is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_count(value: object) -> bool:
    """Whether it is a positive integer."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_digest(name: str) -> bool:
    """Whether a name may be one that `digest` gives."""
    return re.fullmatch(r"[0-9a-f]{16}", name) is not None


def digest(value: object) -> str:
    """A short name for a value."""
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=8).hexdigest()
