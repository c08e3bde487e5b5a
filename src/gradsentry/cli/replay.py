"""`--config`: an earlier scan's options stand where none are given; data and model must be."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gradsentry.errors import GradSentryError, InputError
from gradsentry.safe_text import visible

if TYPE_CHECKING:
    from gradsentry.encoding import EncodingOptions
    from gradsentry.report import ScanReport
    from gradsentry.report.documents import Config

_SHOWN = 5
"""Files of the data that an error names."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Replayed:
    """What a scan must know of an earlier one, besides the options that have a flag."""

    path: Path
    """Of its `config.yaml`."""
    detector: str
    detector_options: Mapping[str, Any]
    chat_template: str | None
    """As text; the flag names a file."""
    model_revision: str
    """Of the model that it was scanned with."""
    versions: Mapping[str, str]
    baseline: str | None


def replay_config(context: typer.Context, path: Path | None) -> Path | None:
    """Read a `config.yaml`; its options become those that count where none are given.

    **Raises:**

    `GradSentryError` if it can't be read, or isn't what a scan of this version wrote.
    """
    if path is None or context.resilient_parsing:
        return path
    from gradsentry.report.documents import options_of, read_config

    config = read_config(path)
    try:
        options_of(config)  # all that is unknown or impossible is said before anything is done
    except GradSentryError as error:
        raise InputError(f"{path}: {error.problem}", error.remedy) from None
    context.default_map = _by_parameter(context, path, config)
    own = dict(config.detector)
    context.obj = Replayed(
        path=path,
        detector=own.pop("name"),
        detector_options=own,
        chat_template=config.encoding.get("chat_template"),
        model_revision=config.model_revision,
        versions=config.versions,
        baseline=config.baseline,
    )
    return path


def is_given(context: typer.Context, parameter: str) -> bool:
    """Whether a parameter stands on the command line."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def replayed(context: typer.Context) -> Replayed | None:
    """The earlier scan of --config, if that was given."""
    return context.obj if isinstance(context.obj, Replayed) else None


def replay_template(context: typer.Context, encoding: EncodingOptions) -> EncodingOptions:
    """How rows are encoded, with the chat template of --config where none is given."""
    earlier = replayed(context)
    if earlier is None or encoding.chat_template is not None:
        return encoding
    return replace(encoding, chat_template=earlier.chat_template)


def replay_detector_options(context: typer.Context, detector: str) -> dict[str, Any]:
    """The options of --config's detector, if it is that."""
    earlier = replayed(context)
    if earlier is None or earlier.detector != detector:
        return {}
    return dict(earlier.detector_options)


def tell_differences(context: typer.Context, report: ScanReport) -> None:
    """Say on standard error what a scan with --config had that the earlier one hadn't."""
    earlier = replayed(context)
    if earlier is None:
        return
    if earlier.baseline is not None and not is_given(context, "baseline"):
        _note(f"{earlier.path} had a baseline, which isn't replayed: name one with --baseline.")
    used = report.scanned_with
    for name, version in used.versions.items():
        before = earlier.versions.get(name, "none")
        if before != version:
            _note(f"{earlier.path} is of {name} {before}, and this is {version}.")
    if used.model_revision != earlier.model_revision:
        _note(
            f"The model {used.model} ({used.model_revision}) isn't the one of {earlier.path} "
            f"({earlier.model_revision}): scores will differ."
        )


def _note(line: str) -> None:
    print(visible(line), file=sys.stderr)


def _by_parameter(context: typer.Context, path: Path, config: Config) -> dict[str, Any]:
    """The options that have a flag, by the name of its parameter; null where there is none.

    What a scan reads and fetches isn't among them: a configuration may be somebody else's, and
    would have this machine read any file, or fetch any model, and be judged by it.
    """

    def refuse() -> None:
        """Called when all that was given is known, and only if data or model weren't."""
        raise _unnamed(context, path, config)

    named = {"chat_template", "revision"}
    options = {**config.data, **config.encoding, **config.model}
    return {
        **{name: value for name, value in options.items() if name not in named},
        "data": refuse,
        "model": refuse,
        "detector": config.detector["name"],
        "threshold": config.threshold,
        "batch_tokens": config.batch_tokens,
    }


def _unnamed(context: typer.Context, path: Path, config: Config) -> InputError:
    """That data or model aren't named, with those of the configuration to copy."""
    names = {"data": "DATA", "model": "`model`"}
    wanted = " and ".join(names[name] for name in names if not is_given(context, name))
    from gradsentry.records.opening import says_where

    data = config.data_paths or ([config.data_source] if says_where(config.data_source) else [])
    words = [
        *(data[:_SHOWN] or ["DATA"]),
        *(["..."] if len(data) > _SHOWN else []),
        *("--config", str(path), "--model", config.model_name),
    ]
    if _COMMIT.fullmatch(config.model_revision):
        words += ["--revision", config.model_revision]
    return InputError(
        f"{path}: name {wanted} on the command line. A configuration may be somebody else's, and "
        "says only how to scan, not what is read and fetched.",
        f"Its own scan was: gradsentry scan {shlex.join(words)}",
    )
