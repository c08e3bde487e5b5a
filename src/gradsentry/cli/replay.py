"""`--config`: an earlier scan's options stand where none are given."""

from __future__ import annotations

import re
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
    if not is_given(context, "model") and used.model_revision != earlier.model_revision:
        _note(f"The model {used.model} isn't what it was for {earlier.path}: scores will differ.")


def _note(line: str) -> None:
    print(visible(line), file=sys.stderr)


def _by_parameter(context: typer.Context, path: Path, config: Config) -> dict[str, Any]:
    """The options that have a flag, by the name of its parameter; null where there is none.

    Functions are called when all that was given is known, and only if their parameter wasn't.
    """
    from gradsentry.models.default_model import NAME, REVISION

    def part(name: str) -> Any:
        """The subset or split; the files of one have none."""
        of_files = bool(config.data_paths) and not is_given(context, "data")
        return None if of_files else config.data.get(name)

    is_commit = _COMMIT.fullmatch(config.model_revision) is not None

    def revision() -> Any:
        """Of the same model: a branch may have moved on since, a commit hasn't."""
        if is_given(context, "model"):
            return None
        return config.model_revision if is_commit else config.model.get("revision")

    def model() -> str | None:
        if (config.model_name, config.model_revision) == (NAME, REVISION):
            return None
        if not is_commit and not Path(config.model_name).exists():  # it would be sought on the Hub
            raise InputError(
                f"{path}: the model {config.model_name} isn't there.", "Name it with `model`."
            )
        return config.model_name

    encoding = {name: value for name, value in config.encoding.items() if name != "chat_template"}
    return {
        **config.data,
        **encoding,
        **config.model,
        "data": lambda: _find_data(path, config),
        "subset": lambda: part("subset"),
        "split": lambda: part("split"),
        "model": model,
        "revision": revision,
        "detector": config.detector["name"],
        "threshold": config.threshold,
        "batch_tokens": config.batch_tokens,
    }


def _find_data(path: Path, config: Config) -> list[str]:
    """What names the data that were scanned.

    **Raises:**

    `InputError` if nothing does, or they lie elsewhere now.
    """
    from gradsentry.records.opening import says_where
    from gradsentry.report.moved_files import find_files

    if config.data_paths:
        found = find_files(tuple(map(Path, config.data_paths)), path.parent)
        if found is not None:
            return list(map(str, found))
        problem = "aren't where they were when they were scanned, nor where the results are now"
    elif says_where(config.data_source):
        return [config.data_source]
    else:
        problem = "can't be found again by that name"
    raise InputError(
        f"{path}: the data ({config.data_source}) {problem}.",
        "Name the data: gradsentry scan DATA --config FILE.",
    )
