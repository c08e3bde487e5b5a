"""Digests of what a scan read and wrote, for those who check it later."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradsentry.errors import InputError
from gradsentry.outputs.output_format import utf8_text
from gradsentry.records.files import STANDARD_INPUT
from gradsentry.records.source import joint_digest
from gradsentry.records.watched_file import open_regular, reading
from gradsentry.report import ScanReport
from gradsentry.report.reopened import ReopenedRows

HOME = "https://github.com/gradsentry/gradsentry"
"""The project, in names that others must not have."""
_CHUNK = 1 << 20
_REVISION = re.compile(r"(?P<kind>(?:[a-z]+-)?sha256):(?P<digest>[0-9a-f]{64})")
_KINDS = {
    "gguf-sha256": "sha256",
    "sha256": "files-sha256",
    "parameters-sha256": "parameters-sha256",
}
"""What a model's revision is a digest of: the bytes of its one file, its files, its numbers."""


@dataclass(frozen=True)
class FileDigest:
    """A file and its SHA-256."""

    name: str
    """Within a results folder, or as data were named; / stands between folders."""
    sha256: str


def digest_data_files(report: ScanReport) -> list[FileDigest]:
    """The files that a scan read, as they are now; none for rows that weren't in files of this
    machine.

    **Raises:**

    `InputError` if one isn't what was scanned.
    """
    source = report.source
    if source.digest is None:
        return []
    files = data_files(source.paths)
    if source.label == STANDARD_INPUT:  # a copy, and the file that it is of
        files = [(STANDARD_INPUT, path) for _, path in files[:1]]
    digests = [_digests(path) for _, path in files]
    # Rows that were read from elsewhere have been compared one by one, and a folder of `datasets`
    # has files without rows.
    is_named_anew = isinstance(source, ReopenedRows) and source.given is not None
    are_files = bool(files) and not any(path.is_dir() for path in source.paths)
    is_changed = joint_digest([blake2b for _, blake2b in digests]) != source.digest
    if are_files and is_changed and not is_named_anew:
        raise InputError(
            f"{source.label}: the file changed during the scan.",
            "Scan again when nothing writes to it.",
        )
    return [
        FileDigest(utf8_text(name), sha256)
        for (name, _), (sha256, _) in zip(files, digests, strict=True)
    ]


def data_files(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """All files that data consist of, with their names: below the folder that all of them are in,
    and of those in a folder of `datasets` from that folder on."""
    found = []
    for path, name in zip(paths, _names_below(paths), strict=True):
        if path.is_dir():
            found += [(f"{name}/{inner}", file) for inner, file in files_in(path)]
        else:
            found.append((name, path))
    return found


def _names_below(paths: Sequence[Path]) -> list[str]:
    """Where paths stand below the folder that all of them are in."""
    whole = [path.parent.resolve() / path.name for path in paths]
    try:
        common = os.path.commonpath([path.parent for path in whole]) if whole else ""
    except ValueError:  # on several drives
        return [path.name for path in whole]
    return [path.relative_to(common).as_posix() for path in whole]


def files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """All files in a folder and its folders with their names, by the alphabet."""
    paths = sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names)
    return ((path.relative_to(folder).as_posix(), path) for path in paths)


def digest_folder(folder: Path) -> list[FileDigest]:
    """All files in a folder."""
    return [FileDigest(utf8_text(name), file_sha256(path)) for name, path in files_in(folder)]


def digest_part(report: ScanReport, folder: Path, part: str) -> list[FileDigest]:
    """The files of a part of the data that was written into a results folder."""
    name = report.files.get(part)
    if name is None or not (folder / name).exists():
        return []
    if (folder / name).is_dir():
        found = digest_folder(folder / name)
        return [FileDigest(f"{name}/{each.name}", each.sha256) for each in found]
    return [FileDigest(name, file_sha256(folder / name))]


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file.

    **Raises:**

    `InputError` if it isn't there, no regular file, or can't be read.
    """
    return _digests(path)[0]


def _digests(path: Path) -> tuple[str, str]:
    """SHA-256 of a file, and the digest that sources have."""
    sha256, blake2b = hashlib.sha256(), hashlib.blake2b(digest_size=16)
    with reading(str(path)), open_regular(path, str(path)) as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            blake2b.update(chunk)
    return sha256.hexdigest(), blake2b.hexdigest()


def rows_digest(report: ScanReport) -> str:
    """SHA-256 over the digests of all rows in their order: the same whatever format they are in."""
    return hashlib.sha256(report.rows.origins.digests.tobytes()).hexdigest()


def model_digest(revision: str) -> Mapping[str, str]:
    """What a model's revision says of its content, by the kind of digest; empty for one that is
    no digest, such as a commit of the Hub."""
    found = _REVISION.fullmatch(revision)
    return {} if found is None else {_KINDS.get(found["kind"], found["kind"]): found["digest"]}


def scan_uuid(report: ScanReport) -> uuid.UUID:
    """A name for a scan: the same whenever its report is written."""
    scanned = report.scanned_with
    parts = [rows_digest(report), scanned.model_revision, scanned.date, str(report.threshold.value)]
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{HOME}#{' '.join(parts)}")
