"""Whether a results folder, and the data that it is about, are as its statement says.

The statement isn't believed because it lies there: who signed it is for the tools that sign to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import Field, ValidationError

from gradsentry.errors import InputError
from gradsentry.faults import telling_faults
from gradsentry.outputs.digests import data_files, file_sha256, files_in, rows_digest
from gradsentry.outputs.output_format import utf8_text
from gradsentry.outputs.statement_file import PREDICATE_TYPE, STATEMENT_TYPE
from gradsentry.records.watched_file import first_line, open_regular, reading
from gradsentry.report import ScanReport
from gradsentry.report.documents import parse_document
from gradsentry.report.file_names import (
    APPLIED_FILE,
    CONFIG_FILE,
    PARTS,
    SCORES_FILE,
    STATEMENT_FILE,
    SUMMARY_FILE,
)
from gradsentry.report.load_report import load
from gradsentry.report.reopened import ReopenedRows
from gradsentry.report.summary_document import Document, SummaryDocument

_MOST_BYTES = 64 << 20
_SHOWN = 10
_READ = (SUMMARY_FILE, CONFIG_FILE, SCORES_FILE)
"""What a report is read from, so that a statement has to be about it."""


@dataclass(frozen=True)
class VerifiedResults:
    """What was found to be as the statement says."""

    outputs: int
    """Files of the results folder."""
    data_files: int
    """Files of the data; 0 where the rows weren't in files, and were compared one by one."""
    rows: int
    """Rows of the data."""
    verdict: str
    """That the statement claims: `poison`, `review` or `none`. `summary.json`, whose bytes were
    compared, and the scores in `scores.parquet` say the same."""


class _Digest(Document):
    sha256: str


class _Resource(Document):
    name: str
    digest: _Digest


class _Data(Document):
    rows: int
    rows_digest: _Digest = Field(alias="rowsDigest")
    files: list[_Resource]


class _Result(Document):
    verdict: str
    threshold: float
    rows: int
    scored: int
    flagged: int
    review: int
    skipped: int
    unjudged: int


class _Predicate(Document):
    data: _Data
    result: _Result


class _Statement(Document):
    type_: str = Field(alias="_type")
    subject: list[_Resource]
    predicate_type: str = Field(alias="predicateType")
    predicate: _Predicate


def verify_results(folder: str | Path, data: object = None) -> VerifiedResults:
    """Compare a results folder and its data with the folder's statement, byte for byte.

    **Arguments:**

    - `data`: the data, where they weren't in files or lie elsewhere now.

    **Raises:**

    `InputError` naming the files that were changed, are missing or were added; if the verdict and
    the counts of the statement aren't those of the results; and if there is no statement.
    """
    with telling_faults():
        place = Path(folder)
        said = _read_statement(place / STATEMENT_FILE)
        _refuse(place, [*_changed_outputs(place, said.subject)])
        report = load(place, data)
        _refuse(place, [*_other_result(place, report, said)])
        if rows_digest(report) != said.predicate.data.rows_digest.sha256:
            raise _differs(place, ["the digests of the rows"])
        _refuse(place, [*_changed_data(report, said.predicate.data.files)])
    return VerifiedResults(
        len(said.subject),
        len(said.predicate.data.files),
        said.predicate.data.rows,
        said.predicate.result.verdict,
    )


def _read_statement(path: Path) -> _Statement:
    """The statement in a file.

    **Raises:**

    `InputError` if it is none of a scan.
    """
    try:
        with reading(str(path)), open_regular(path, str(path)) as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError("it is too large")
        said = _Statement.model_validate_json(text)
        if (said.type_, said.predicate_type) != (STATEMENT_TYPE, PREDICATE_TYPE):
            raise ValueError("it is a statement of another kind")
        named = {each.name for each in said.subject}
        for name in _READ:
            if name not in named:
                raise ValueError(f"it isn't about {name}")
        return said
    except ValueError as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else first_line(error)
        raise InputError(
            f"{path}: this is no statement about a scan ({why}).",
            "Name a results folder as a scan of this version wrote it.",
        ) from None


def _changed_outputs(folder: Path, subjects: Sequence[_Resource]) -> Iterator[str]:
    """What isn't as it was, of the files that a statement is about."""
    there = {utf8_text(name): path for name, path in files_in(folder)}
    folders = set(PARTS)
    for subject in subjects:
        parts = PurePosixPath(subject.name).parts
        folders.update({parts[0]} if len(parts) > 1 else ())
        path = there.get(subject.name)  # so that no name leads elsewhere
        if path is None:
            yield f"{subject.name} is missing"
        elif path.is_symlink() or file_sha256(path) != subject.digest.sha256:
            yield f"{subject.name} was changed"
    known = {subject.name for subject in subjects}
    for name in sorted(there.keys() - known):
        # A reader of the part, or of the decisions, would read it, too.
        top, _, below = name.partition("/")
        if (below and top in folders) or name == APPLIED_FILE:
            yield f"{name} was added"


def _other_result(folder: Path, report: ScanReport, said: _Statement) -> Iterator[str]:
    """What a statement claims of the scan's result that the results don't say."""
    written = parse_document(SummaryDocument, json.loads, folder / SUMMARY_FILE)
    computed = report.summary()
    claims = {**said.predicate.result.model_dump(), "rows of the data": said.predicate.data.rows}
    for name, claimed in claims.items():
        key = name.split(" ")[0]
        for file, found in ((SUMMARY_FILE, getattr(written, key)), (SCORES_FILE, computed[key])):
            if claimed != found:
                yield f"it says {claimed!r} for {name}, and {file} says {found!r}"


def _changed_data(report: ScanReport, files: Sequence[_Resource]) -> Iterator[str]:
    """What isn't as it was, of the files that were scanned.

    **Raises:**

    `InputError` if they can't be found, or rows that weren't in files aren't the same.
    """
    source = report.source
    assert isinstance(source, ReopenedRows)
    if not files:
        _ = source.opened  # compares each row
        return
    if source.given is None and source.found_files is None:
        _ = source.opened  # says so
    found = data_files(source.paths)
    if len(found) != len(files):
        yield f"the data are {len(found):,} files, and were {len(files):,}"
        return
    for (_, path), file in zip(found, files, strict=True):
        if file_sha256(path) != file.digest.sha256:
            yield f"{path} was changed"


def _refuse(folder: Path, differences: Sequence[str]) -> None:
    if differences:
        raise _differs(folder, differences)


def _differs(folder: Path, differences: Sequence[str]) -> InputError:
    more = len(differences) - _SHOWN
    shown = "; ".join(differences[:_SHOWN]) + (f"; and {more:,} more" if more > 0 else "")
    return InputError(
        f"{folder}: not as {STATEMENT_FILE} says: {shown}.",
        "Don't use these results: scan again, or get them anew from where they were written.",
    )
