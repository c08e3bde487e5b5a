"""`spdx.json`: data, model and scanner in SPDX 3.0."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from gradsentry._version import __version__
from gradsentry.outputs.digests import (
    FileDigest,
    digest_data_files,
    digest_part,
    model_digest,
    scan_uuid,
)
from gradsentry.outputs.output_format import Format, utf8_text, write_text
from gradsentry.report import ScanReport
from gradsentry.report.verdict import headline
from gradsentry.safe_text import json_text

_CREATION = "_:creation"


class SpdxFile(Format):
    """Writes `spdx.json`, SPDX 3.0.1 as JSON-LD."""

    file_name: ClassVar[str] = "spdx.json"
    by_default: ClassVar[bool] = False

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, json_text(spdx_document(report, path.parent)) + "\n")


def spdx_document(report: ScanReport, folder: Path) -> dict[str, Any]:
    """The elements of a scan: what was scanned, what is clean of it, and with what it was scored.

    It claims no profile of data sets: their source and licence are for others to say.
    """
    names = _Names(f"urn:uuid:{scan_uuid(report)}")
    label = utf8_text(report.source.label)
    data = _dataset(names("data"), label, len(report.scores), headline(report))
    clean = _dataset(
        names("clean"),
        f"{label} (clean)",
        int(report.parts["clean"].sum()),
        "The rows that were scored and not flagged.",
    )
    files = [
        *_files(names, "data", digest_data_files(report)),
        *_files(names, "clean", digest_part(report, folder, "clean")),
    ]
    elements = [*_creators(names, report), data, clean, _model(names, report), *files]
    elements += [
        _relationship(names, "derived", "clean", "descendantOf", ["data"]),
        _relationship(names, "scanned", "data", "usesTool", ["scanner", "model"]),
    ]
    for whole in ("data", "clean"):
        parts = [name for name in names.given if name.startswith(f"{whole}-file-")]
        if parts:
            elements.append(_relationship(names, f"{whole}-files", whole, "contains", parts))
    document = {
        "type": "SpdxDocument",
        "spdxId": names("document"),
        "creationInfo": _CREATION,
        "profileConformance": ["core", "software"],
        "rootElement": [names("clean")],
    }
    context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    return {"@context": context, "@graph": [*elements, document]}


class _Names:
    """Names of elements within this document."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.given: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        return self.given.setdefault(name, f"{self._base}#{name}")


def _creators(names: _Names, report: ScanReport) -> list[dict[str, Any]]:
    moment = datetime.fromisoformat(report.scanned_with.date).astimezone(UTC)
    version = report.scanned_with.versions.get("gradsentry", __version__)
    return [
        {
            "type": "CreationInfo",
            "@id": _CREATION,
            "created": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "createdBy": [names("agent")],
            "createdUsing": [names("scanner")],
            "specVersion": "3.0.1",
        },
        {
            "type": "SoftwareAgent",
            "spdxId": names("agent"),
            "creationInfo": _CREATION,
            "name": "GradSentry",
        },
        {
            "type": "Tool",
            "spdxId": names("scanner"),
            "creationInfo": _CREATION,
            "name": f"gradsentry {version}",
        },
    ]


def _dataset(name: str, label: str, rows: int, comment: str) -> dict[str, Any]:
    return {
        "type": "dataset_DatasetPackage",
        "spdxId": name,
        "creationInfo": _CREATION,
        "name": label,
        "comment": comment,
        "dataset_datasetType": ["text"],
        "dataset_datasetSize": rows,
    }


def _model(names: _Names, report: ScanReport) -> dict[str, Any]:
    scanned = report.scanned_with
    model: dict[str, Any] = {
        "type": "ai_AIPackage",
        "spdxId": names("model"),
        "creationInfo": _CREATION,
        "name": utf8_text(scanned.model),
        "software_packageVersion": utf8_text(scanned.model_revision),
        "comment": "The causal language model that scored the rows.",
    }
    if "sha256" in (digest := model_digest(scanned.model_revision)):
        model["verifiedUsing"] = [_hash(digest["sha256"])]
    return model


def _files(names: _Names, whole: str, files: Sequence[FileDigest]) -> list[dict[str, Any]]:
    return [
        {
            "type": "software_File",
            "spdxId": names(f"{whole}-file-{number}"),
            "creationInfo": _CREATION,
            "name": file.name,
            "software_primaryPurpose": "data",
            "verifiedUsing": [_hash(file.sha256)],
        }
        for number, file in enumerate(files)
    ]


def _hash(sha256: str) -> dict[str, str]:
    return {"type": "Hash", "algorithm": "sha256", "hashValue": sha256}


def _relationship(
    names: _Names, name: str, source: str, kind: str, targets: Sequence[str]
) -> dict[str, Any]:
    return {
        "type": "Relationship",
        "spdxId": names(f"relationship-{name}"),
        "creationInfo": _CREATION,
        "from": names(source),
        "relationshipType": kind,
        "to": [names(target) for target in targets],
    }
