"""Files of the data as URIs, whatever their names hold."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from gradsentry.records.object_store import is_url


def file_uri(name: str) -> str:
    """A file as a URI: relative where it was named so, with all but plain letters escaped.

    A URL of a store keeps its scheme.
    """
    if is_url(name):
        scheme, _, rest = name.partition("://")
        return f"{scheme}://{_quoted(rest)}"
    path = Path(name)
    quoted = _quoted(path.as_posix())
    if not path.is_absolute():
        return quoted
    return f"file://{'' if quoted.startswith('/') else '/'}{quoted}"


def _quoted(path: str) -> str:
    try:
        raw = path.encode("utf-8", "surrogateescape")  # names of files may hold any bytes
    except UnicodeEncodeError:
        raw = path.encode("utf-8", "backslashreplace")
    return quote(raw, safe="/")
