"""`summary.json` and `config.yaml`, read again and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, Field, ValidationError

from gradsentry.detectors import make_detector
from gradsentry.encoding import EncodingOptions
from gradsentry.errors import InputError
from gradsentry.faults import telling_faults
from gradsentry.models import ModelOptions
from gradsentry.records.data_options import DataOptions
from gradsentry.records.watched_file import first_line, open_regular, reading
from gradsentry.report.file_names import CONFIG_FILE
from gradsentry.report.scan_report import SCHEMA_VERSION
from gradsentry.report.summary_document import Document
from gradsentry.scan_options import ScanOptions

_MOST_BYTES = 64 << 20
"""Of a summary or a configuration."""
OTHER_FOLDER = "Name a folder that a scan of this version wrote."


class _Versioned(Document):
    schema_version: int


def _with_ours(versions: dict[str, str]) -> dict[str, str]:
    if "gradsentry" not in versions:
        raise ValueError("the version of gradsentry is missing")
    return versions


class Config(Document):
    """`config.yaml`."""

    schema_version: int
    data_source: str
    data_paths: list[str]
    layout: str
    model_name: str
    model_revision: str
    versions: Annotated[dict[str, str], AfterValidator(_with_ours)]
    data: dict[str, Any]
    encoding: dict[str, Any]
    model: dict[str, Any]
    detector: dict[str, Any]
    threshold: float | None
    batch_tokens: int | None
    also: list[str] = Field(default_factory=list)
    baseline: str | None = None


_Kind = TypeVar("_Kind", bound=Document)


def parse_document(kind: type[_Kind], parse: Callable[[str], Any], path: Path) -> _Kind:
    """A document of ours.

    **Raises:**

    `InputError` if it isn't one, or of another version.
    """
    try:
        with open_regular(path, str(path)) as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError("it is too large")
        found = parse(text.decode())
        version = _Versioned.model_validate(found).schema_version
        if version == SCHEMA_VERSION:
            return kind.model_validate(found)
    except (ValueError, LookupError, RecursionError, AttributeError, yaml.YAMLError) as error:
        raise not_ours(path, error) from None
    raise InputError(
        f"{path}: results of version {version}, and this version of GradSentry reads version "
        f"{SCHEMA_VERSION}.",
        "Read them with the version that wrote them, or scan again.",
    )


def read_config(path: Path) -> Config:
    """A `config.yaml`; errors as those of `parse_document`."""
    with telling_faults(), reading(str(path)):
        return parse_document(Config, yaml.safe_load, path)


def not_ours(path: Path, error: Exception) -> InputError:
    """The error for a file that isn't what a scan writes."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        why = f"{place}: {first['msg']}" if place else first["msg"]
    else:
        why = first_line(error)
    return InputError(
        f"{path}: this is no part of a scan's results ({why}).",
        OTHER_FOLDER,
    )


def options_of(config: Config) -> ScanOptions:
    """The options that a configuration says, but for where the scan ran.

    **Raises:**

    `GradSentryError` if there is one that this version doesn't know.
    """
    own = dict(config.detector)
    return ScanOptions(
        data=_known(DataOptions, config.data, "data"),
        encoding=_known(EncodingOptions, config.encoding, "encoding"),
        model=_known(ModelOptions, config.model, "model"),
        detector=make_detector(own.pop("name", None), **own),
        threshold=config.threshold,
        batch_tokens=config.batch_tokens,
        also=tuple(config.also),
        baseline=config.baseline,
    )


def _known(kind: type[Any], given: Mapping[str, Any], part: str) -> Any:
    """Options of a kind.

    **Raises:**

    `InputError` if one is unknown.
    """
    unknown = given.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise InputError(
            f"{CONFIG_FILE}: {part} has an option that is unknown here: {min(unknown)}.",
            OTHER_FOLDER,
        )
    return kind(**given)
