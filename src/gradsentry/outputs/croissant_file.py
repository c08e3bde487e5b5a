"""`croissant.json`: the clean rows as a data set in Croissant, with the scan as provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from gradsentry.outputs.digests import FileDigest, digest_part, rows_digest, scan_uuid
from gradsentry.outputs.file_uris import file_uri
from gradsentry.outputs.output_format import Format, utf8_text, write_text
from gradsentry.report import ScanReport
from gradsentry.report.verdict import headline
from gradsentry.safe_text import json_text

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""As the specification has it, so that readers know it."""
_MEDIA_TYPES = {
    ".jsonl": "application/jsonlines",
    ".json": "application/json",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".parquet": "application/x-parquet",
    ".gz": "application/gzip",
}


class CroissantFile(Format):
    """Writes `croissant.json`, Croissant 1.0."""

    file_name: ClassVar[str] = "croissant.json"
    by_default: ClassVar[bool] = False

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, json_text(croissant_dataset(report, path.parent)) + "\n")


def croissant_dataset(report: ScanReport, folder: Path) -> dict[str, Any]:
    """The clean rows in a results folder. Licence and fields are for their owner to add."""
    label, scanned = utf8_text(report.source.label), report.scanned_with
    version = scanned.versions["gradsentry"]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"{label} (clean)",
        "description": f"The rows of {label} that were scored and not flagged by GradSentry.",
        "identifier": f"urn:uuid:{scan_uuid(report)}",
        "dateModified": scanned.date,
        "isBasedOn": {
            "@type": "sc:Dataset",
            "name": label,
            "identifier": f"rows-sha256:{rows_digest(report)}",
        },
        "rai:dataManipulationProtocol": (
            f"Scanned for backdoored rows by GradSentry {version} on {scanned.date}, with the "
            f"detector {report.options.detector.name} and the model {utf8_text(scanned.model)} "
            f"({utf8_text(scanned.model_revision)}). {headline(report)} Flagged and skipped rows "
            "were taken out."
        ),
        "distribution": [
            _file(number, file) for number, file in enumerate(digest_part(report, folder, "clean"))
        ],
    }


def _file(number: int, file: FileDigest) -> dict[str, Any]:
    media_type = _MEDIA_TYPES.get(Path(file.name).suffix, "application/octet-stream")
    return {
        "@type": "cr:FileObject",
        "@id": f"file-{number}",
        "name": f"file-{number}",
        "contentUrl": file_uri(file.name),
        "encodingFormat": media_type,
        "sha256": file.sha256,
    }
