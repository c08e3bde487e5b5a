"""`config.yaml`: everything that decided what a scan computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import yaml

from gradsentry.outputs.output_format import Format, write_text
from gradsentry.report import ScanReport
from gradsentry.report.file_names import CONFIG_FILE
from gradsentry.safe_text import hides


class ConfigFile(Format):
    """Writes `config.yaml`."""

    file_name: ClassVar[str] = CONFIG_FILE

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, _yaml(report.config()))


def _yaml(config: dict[str, Any]) -> str:
    """YAML to read; all in escapes where a name holds what can't be seen."""
    text = str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    if any(hides(character) for character in text if character not in " \n"):
        return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=False))
    return text
