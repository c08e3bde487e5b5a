"""Results of cells: one JSON file each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gradsentry.pipeline.ownership import replacing

Result = dict[str, Any]


def write_result(path: Path, result: Result) -> None:
    """Write a result; the file appears when all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def read_result(path: Path) -> Result | None:
    """A result; None if it isn't there, or damaged."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return result if isinstance(result, dict) else None
