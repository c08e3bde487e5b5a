"""`statement.intoto.json`: what a scan read, computed and wrote, to be signed by others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from gradsentry.outputs.digests import (
    HOME,
    FileDigest,
    digest_data_files,
    digest_folder,
    model_digest,
    rows_digest,
)
from gradsentry.outputs.output_format import Format, utf8_text, write_text
from gradsentry.report import ScanReport
from gradsentry.report.file_names import STATEMENT_FILE
from gradsentry.safe_text import json_text

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = f"{HOME}/attestations/scan/v1"
"""Described in docs/outputs.md."""
_ELSEWHERE = (
    *("schema_version", "data_source", "data_paths", "layout"),
    *("model_name", "model_revision", "versions"),
)
"""Of the configuration, what other parts of the predicate say, or what is this machine's own."""
_COUNTS = ("rows", "scored", "flagged", "review", "skipped", "unjudged", "truncated")


class StatementFile(Format):
    """Writes `statement.intoto.json`, an in-toto Statement about all other files."""

    file_name: ClassVar[str] = STATEMENT_FILE
    is_written_last: ClassVar[bool] = True

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, json_text(statement(report, path.parent)) + "\n")


def statement(report: ScanReport, folder: Path) -> dict[str, Any]:
    """The in-toto Statement whose subjects are the files in a results folder."""
    scanned, summary = report.scanned_with, report.summary()
    options = {key: value for key, value in report.config().items() if key not in _ELSEWHERE}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_resource(file) for file in digest_folder(folder)],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "scanner": {"uri": HOME, "versions": dict(scanned.versions)},
            "date": scanned.date,
            "data": {
                "name": utf8_text(report.source.label),
                "layout": utf8_text(scanned.layout),
                "rows": len(report.scores),
                "rowsDigest": {"sha256": rows_digest(report)},
                "files": [_resource(file) for file in digest_data_files(report)],
            },
            "model": {
                "name": utf8_text(scanned.model),
                "revision": utf8_text(scanned.model_revision),
                "digest": dict(model_digest(scanned.model_revision)),
            },
            "options": options,
            "result": {
                "verdict": summary["verdict"],
                "threshold": summary["threshold"],
                "thresholdMethod": summary["threshold_method"],
                "groups": len(report.groups),
                **{name: summary[name] for name in _COUNTS},
            },
        },
    }


def _resource(file: FileDigest) -> dict[str, Any]:
    return {"name": file.name, "digest": {"sha256": file.sha256}}
