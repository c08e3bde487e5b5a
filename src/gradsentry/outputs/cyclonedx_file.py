"""`bom.cdx.json`: data, model and scanner as a CycloneDX bill of materials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from gradsentry._version import __version__
from gradsentry.outputs.digests import (
    HOME,
    FileDigest,
    digest_data_files,
    digest_part,
    model_digest,
    rows_digest,
    scan_uuid,
)
from gradsentry.outputs.output_format import Format, utf8_text, write_text
from gradsentry.report import ScanReport
from gradsentry.report.verdict import headline
from gradsentry.safe_text import json_text

_DATA, _CLEAN, _MODEL, _TOOL = "data", "clean-data", "scoring-model", "scanner"


class CycloneDxFile(Format):
    """Writes `bom.cdx.json`, CycloneDX 1.6: more readers know it than 1.7."""

    file_name: ClassVar[str] = "bom.cdx.json"
    by_default: ClassVar[bool] = False

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, json_text(cyclonedx_bom(report, path.parent)) + "\n")


def cyclonedx_bom(report: ScanReport, folder: Path) -> dict[str, Any]:
    """The bill of materials of the clean rows in a results folder."""
    summary = report.summary()
    counts = {key: str(summary[key]) for key in ("rows", "scored", "flagged", "review", "unjudged")}
    found = {"verdict": summary["verdict"], **counts, "rows-sha256": rows_digest(report)}
    label = utf8_text(report.source.label)
    scanned = _component("data", label, _DATA, digest_data_files(report), found)
    scanned["data"] = [_dataset(label, headline(report))]
    clean_rows = {"rows": str(int(report.parts["clean"].sum()))}
    clean = _component(
        "data", f"{label} (clean)", _CLEAN, digest_part(report, folder, "clean"), clean_rows
    )
    clean["data"] = [_dataset(f"{label} (clean)", "The rows that were scored and not flagged.")]
    clean["pedigree"] = {
        "ancestors": [{"type": "data", "name": label}],
        "notes": "Flagged and skipped rows were taken out by GradSentry.",
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{scan_uuid(report)}",
        "version": 1,
        "metadata": {
            "timestamp": report.scanned_with.date,
            "tools": {"components": [_tool(report)]},
            "component": clean,
        },
        "components": [scanned, _model(report)],
        "dependencies": [
            {"ref": _CLEAN, "dependsOn": [_DATA]},
            {"ref": _DATA},
            {"ref": _MODEL},
        ],
    }


def _component(
    kind: str,
    name: str,
    reference: str,
    files: Sequence[FileDigest],
    properties: Mapping[str, str],
) -> dict[str, Any]:
    """A component with the digest of its one file, or with its files as components of their own."""
    component: dict[str, Any] = {"type": kind, "bom-ref": reference, "name": name}
    if len(files) == 1:
        component["hashes"] = _hashes(files[0].sha256)
    elif files:
        component["components"] = [
            {
                "type": "file",
                "bom-ref": f"{reference}/{number}",
                "name": file.name,
                "hashes": _hashes(file.sha256),
            }
            for number, file in enumerate(files)
        ]
    component["properties"] = [
        {"name": f"gradsentry:{key}", "value": value} for key, value in properties.items()
    ]
    return component


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _dataset(name: str, description: str) -> dict[str, str]:
    return {"type": "dataset", "name": name, "description": description}


def _model(report: ScanReport) -> dict[str, Any]:
    scanned = report.scanned_with
    model: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": utf8_text(scanned.model),
        "version": utf8_text(scanned.model_revision),
        "description": "The causal language model that scored the rows.",
    }
    if "sha256" in (digest := model_digest(scanned.model_revision)):
        model["hashes"] = _hashes(digest["sha256"])
    return model


def _tool(report: ScanReport) -> dict[str, Any]:
    return {
        "type": "application",
        "bom-ref": _TOOL,
        "name": "gradsentry",
        "version": report.scanned_with.versions.get("gradsentry", __version__),
        "externalReferences": [{"type": "website", "url": HOME}],
    }
