"""A folder of results to decide about: as it was written, with the decisions that lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradsentry.errors import InputError, OptionError
from gradsentry.faults import telling_faults
from gradsentry.records.object_store import is_url
from gradsentry.report import ScanReport
from gradsentry.report.file_names import CONFIG_FILE, SCORES_FILE, SUMMARY_FILE
from gradsentry.report.load_report import load
from gradsentry.review.decision_log import DecisionLog, read_decisions
from gradsentry.review.decisions import content_of
from gradsentry.work.ownership import SUMS, file_digest, listed_digests

_REMEDY = "Put back the results as the scan wrote them, or scan again."


@dataclass(frozen=True)
class ReviewedFolder:
    """Results with the decisions about them."""

    folder: Path
    report: ScanReport
    log: DecisionLog


def open_reviewed(folder: str | Path, data: object = None) -> ReviewedFolder:
    """The report in a folder, and the decisions about it.

    **Arguments:**

    - `data`: the data, where they lie elsewhere now.

    **Raises:**

    `InputError` if the folder holds no results, if any file of them was changed, or if the
    decisions are about other results.
    """
    if isinstance(folder, str) and is_url(folder):
        raise InputError(
            f"{folder}: decisions are made in a folder of this machine.",
            "Copy the results here, with the tool of your store, and name that folder.",
        )
    folder = Path(folder)
    with telling_faults():
        results = _check_unchanged(folder)
        report = load(folder, data)
        log = read_decisions(folder, results)
        check_decisions(log, report)
    return ReviewedFolder(folder, report, log)


def check_decisions(log: DecisionLog, report: ScanReport) -> None:
    """See that each decision is about what the report has under its number.

    **Raises:**

    `InputError` naming the line.
    """
    for line, decision in enumerate(log.decisions, start=2):
        place = f"{log.path}, line {line}"
        try:
            content = content_of(report, decision.subject, decision.index)
        except OptionError as error:
            raise InputError(f"{place}: {error.problem}", _REMEDY) from None
        if content != dict(decision.content):
            raise InputError(
                f"{place}: the {decision.subject} isn't what it was when this was decided.", _REMEDY
            )


def _check_unchanged(folder: Path) -> str:
    """See that the files of the results are as they were written; returns the SHA-256 of their
    list. Files that are missing are no matter, but for those that the report is read from."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder.", "Name a folder that a scan wrote.")
    sums = listed_digests(folder)
    if sums is None:
        raise InputError(
            f"{folder}: its list of what GradSentry wrote ({SUMS}) isn't there, or was changed.",
            "Name a folder that a scan wrote.",
        )
    for name in (SUMMARY_FILE, CONFIG_FILE, SCORES_FILE):
        if name not in sums:
            raise InputError(
                f"{folder / name}: the scan's list ({SUMS}) doesn't name this file.", _REMEDY
            )
    for name, digest in sums.items():
        path = folder / name
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise InputError(f"{path}: this isn't the file that the scan wrote.", _REMEDY)
        if path.is_file() and file_digest(path) != digest:
            raise InputError(f"{path}: the file was changed since the scan.", _REMEDY)
    return file_digest(folder / SUMS)
