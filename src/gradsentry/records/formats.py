"""What format a file has: by its name, by how it begins, and what is wrong if it has another."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Literal

from gradsentry.errors import InputError
from gradsentry.records.compression import MAGIC, Compression
from gradsentry.records.json_objects import find_wrapped_rows, parse_beginning
from gradsentry.records.parquet_pages import MAGIC as MAGIC_OF_PARQUET

FileFormat = Literal["jsonl", "json", "csv", "tsv", "parquet"]

SUFFIXES: dict[str, FileFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}

COMPRESSED = {str(compression): compression for compression in Compression if compression}

SUPPORTED = "JSONL, JSON, CSV, TSV or Parquet, each also with .gz, .bz2, .xz or .zst"

ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar")
"""Suffixes of what holds any number of files, which may be anything."""

_ARCHIVES_BEGIN = (b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")
_TAR = slice(257, 262), b"ustar"

HEAD = 1 << 16
"""Bytes from which the format is told."""

_UTF8_MARK = b"\xef\xbb\xbf"


def read_suffixes(path: Path) -> tuple[FileFormat, Compression] | None:
    """What a file's suffixes say; None if they say nothing."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSED.get(suffixes[-1], Compression.NONE) if suffixes else Compression.NONE
    if compression:
        suffixes.pop()
    form = SUFFIXES.get(suffixes[-1]) if suffixes else None
    return None if form is None else (form, compression)


def tell_compression(head: bytes) -> Compression:
    """How something that begins so is compressed."""
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), Compression.NONE)


def is_archive(head: bytes) -> bool:
    """Whether something that begins so is an archive of files."""
    place, mark = _TAR
    return head.startswith(_ARCHIVES_BEGIN) or head[place] == mark


def archive_error(label: str) -> InputError:
    """The error for an archive."""
    return InputError(
        f"{label}: this is an archive, which may hold several files.",
        f"Unpack it, and name the files with the rows, or their folder: {SUPPORTED}.",
    )


def tell_format(head: bytes) -> FileFormat:
    """The format of something without a name that begins so."""
    if head.startswith(MAGIC_OF_PARQUET):
        return "parquet"
    text = head.removeprefix(_UTF8_MARK).lstrip()
    if text[:1] in (b"{", b"["):
        return "jsonl" if text[:1] == b"{" else "json"
    first_line = text.partition(b"\n")[0]
    return "tsv" if b"\t" in first_line and b"," not in first_line else "csv"


def check_text_format(form: FileFormat, head: bytes, label: str) -> FileFormat:
    """The format of a text file that begins so: JSON says itself whether it is lines or an array.

    **Raises:**

    `InputError` if it is no text in UTF-8, or its JSON holds rows in another way.
    """
    _check_encoding(head, label)
    text = head.removeprefix(_UTF8_MARK).lstrip()
    if form in ("json", "jsonl"):
        if text.startswith(b"["):
            return "json"
        if text.startswith(b"{"):
            _check_object(text, label)
            return "jsonl"
    return form


def _check_encoding(head: bytes, label: str) -> None:
    if is_archive(head):
        raise archive_error(label)
    kind = tell_compression(head)
    if kind:
        raise InputError(
            f"{label}: the file is compressed, and its name doesn't say so.",
            f"End its name in {kind}.",
        )
    if head.startswith(MAGIC_OF_PARQUET):
        raise InputError(f"{label}: this is Parquet.", "End the file's name in .parquet.")
    encoding = json.detect_encoding(head).upper().replace("-LE", "LE").replace("-BE", "BE")
    if encoding.startswith("UTF-8"):
        return
    raise InputError(
        f"{label}: the file is in {encoding}, not in UTF-8.",
        f"Convert it, for example with: iconv -f {encoding} -t UTF-8 {shlex.quote(label)}",
    )


def _check_object(text: bytes, label: str) -> None:
    """Refuse one object over several lines that holds the rows, and say how to get at them."""
    first_line, line_end, _ = text.partition(b"\n")
    if not line_end or _is_json(first_line):
        return
    wrapped = find_wrapped_rows(parse_beginning(text), label)
    if wrapped is not None:
        raise wrapped


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
