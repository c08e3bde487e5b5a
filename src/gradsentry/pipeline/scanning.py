"""The scan: rows in, scores and a decision out."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from gradsentry._turns import taking_turns
from gradsentry._version import __version__
from gradsentry.detectors import Detector
from gradsentry.encoding import EncodedStore
from gradsentry.errors import InputError, OptionError
from gradsentry.faults import telling_faults
from gradsentry.file_array import in_file
from gradsentry.models import (
    Batching,
    BatchPlan,
    Dtype,
    LanguageModel,
    Quantize,
    check_reference,
    load_model,
    plan_batches,
)
from gradsentry.models.split_model import SPLIT
from gradsentry.pipeline.engines import open_engine
from gradsentry.records import Layout, SkipReason, Source
from gradsentry.records.open_data import open_data
from gradsentry.registry import DETECTORS
from gradsentry.report.formats_chosen import load_formats
from gradsentry.report.scan_report import (
    RowTable,
    ScannedWith,
    ScanReport,
    decide_threshold,
)
from gradsentry.review.acceptance import accept_known
from gradsentry.review.baseline import read_baseline
from gradsentry.scan_options import ScanOptions
from gradsentry.work.encoded_data import (
    NOT_SKIPPED,
    EncodedData,
    encode_source,
    known_label,
    skip_code,
)
from gradsentry.work.engine import Engine
from gradsentry.work.object_results import ObjectResults, output_place
from gradsentry.work.progress import Progress, Silent
from gradsentry.work.scan_work import ScanWork
from gradsentry.work.workspace import Workspace, check_output, open_workspace

_ROUNDED = 1e-9
"""How far from [0, 1] a score may be by rounding."""

VERSIONS = {
    "gradsentry": __version__,
    "torch": str(torch.__version__),
    "transformers": transformers.__version__,
}
"""Of the packages that compute scores always."""

# Larger batches gain nothing more on a processor, and keep a GPU busy.
BATCH_TOKENS = {"cpu": 4096}
BATCH_TOKENS_ACCELERATOR = 16384


@taking_turns
def scan(
    data: object,
    *,
    model: str | Path | LanguageModel | None = None,
    detector: str | Detector | None = None,
    threshold: float | None = None,
    options: ScanOptions = ScanOptions(),
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress = Silent(),
) -> ScanReport:
    """Score every row of fine-tuning data and decide which are poisoned.

    Scans of one process take turns: called in several threads, one waits for the other.

    **Arguments:**

    - `data`: a path to a JSONL, JSON, CSV or Parquet file (also compressed), several of them or a
        folder of them, objects of a store (`s3://bucket/name`), a folder saved by `datasets`, a Hub
        data-set id, a `Dataset`, a pandas data frame, or an iterable of dicts.
    - `model`: a Hub id, a local folder, a GGUF file or a PEFT adapter folder, or a
        `LanguageModel`; None takes the built-in default.
    - `detector`: a name, or a detector with options of its own; None takes that of `options`.
    - `threshold`: flag rows with a score above it; None takes that of `options`.
    - `options`: everything else about how to read, encode and score.
    - `out`: a folder, or a place in a store (`s3://bucket/name`), for the results. An interrupted
        scan with the same data, model, options and `out` goes on where it stopped.
    - `force`: replace the results of an earlier scan in `out`.
    - `progress`: told about stages and rows done.

    **Raises:**

    `GradSentryError` for everything that the caller can mend: data, model, options, output.
    """
    with telling_faults():
        given: dict[str, Any] = {"detector": detector, "threshold": threshold}
        options = replace(
            options, **{name: value for name, value in given.items() if value is not None}
        )
        place = None if out is None else output_place(out)
        return _scanned(data, model, options, place, force, progress)


def _scanned(
    data: object,
    model: str | Path | LanguageModel | None,
    options: ScanOptions,
    out: Path | ObjectResults | None,
    force: bool,
    progress: Progress,
) -> ScanReport:
    started = time.monotonic()
    known = None if options.baseline is None else read_baseline(options.baseline)
    if not isinstance(model, LanguageModel):
        check_reference(model, options.model.revision)  # before data are fetched or read
    if out is not None:
        check_output(out, force, _files_named(data, model))
    source, layout, first = open_data(data, options.data)
    if options.data.label_column is not None:
        known_label(first, options.data.label_column)
    progress.note(f"Layout: {layout.name}")
    with open_workspace(out, force, _files_read(source, model)) as space:
        if out is not None:
            load_formats(options.also)  # one that can't be imported is found before hours of work
            source.check_writable()
        if isinstance(model, LanguageModel):
            loaded = model
        else:
            progress.stage("Loading the model", None)
            loaded = load_model(model, options.model, progress.note)
        options.detector.check_model(loaded)
        options = resolve_options(options, loaded, progress)
        with open_engine(options, model, loaded, space) as engine:
            report = scan_rows(source, layout, options, engine, space, progress)
        report = replace(report, seconds=_seconds_since(started))
        if known is not None:
            report = accept_known(report, known)
        if out is not None:
            progress.stage("Writing the results", None)
            report = report.write(space.result_folder())
            space.publish()
    return report


def _seconds_since(started: float) -> float:
    """As files and pages show them."""
    return round(time.monotonic() - started, 2)


def _files_named(data: object, model: str | Path | LanguageModel | None) -> list[str]:
    """What may be files, as the user named them."""
    given = [model, *data] if isinstance(data, list | tuple) else [model, data]
    return [str(name) for name in given if isinstance(name, str | Path)]


def _files_read(source: Source, model: str | Path | LanguageModel | None) -> list[str]:
    """What a scan reads, and writing its results mustn't touch."""
    names = [str(path) for path in source.paths]
    if model is not None:
        names.append(model.name if isinstance(model, LanguageModel) else str(model))
    return names


def scan_rows(
    source: Source,
    layout: Layout,
    options: ScanOptions,
    engine: Engine,
    space: Workspace,
    progress: Progress,
    scoring: Callable[[EncodedStore], Engine] | None = None,
) -> ScanReport:
    """Score the rows of a source with the model of an engine; errors as in `scan`.

    **Arguments:**

    - `options`: as `resolve_options` gives them.
    - `scoring`: the engine that goes on once rows are encoded; a benchmark's keeps head states.
    """
    started, date = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    label = options.data.label_column
    encoded = encode_source(
        source, layout, options.encoding, engine, space.scratch, label, progress
    )
    if scoring is not None:
        engine = scoring(encoded.store)
    model = engine.worker.model
    plan = _plan(encoded.store, _batching(options, model), space)
    work = ScanWork(
        label=source.label,
        encoded=encoded,
        plan=plan,
        engine=engine,
        space=space,
        fingerprint=_fingerprint(encoded.store, plan, model, options),
        progress=progress,
    )
    detection = options.detector.detect(work)
    rows = _row_table(encoded, _checked_scores(detection.scores, encoded, options))
    if not rows.scored.any():
        raise InputError(
            f"{source.label}: no row has a finite score.",
            "Use `dtype` float32, or check the model's weights.",
        )
    return ScanReport(
        source=source,
        layout=layout,
        options=options,
        scanned_with=ScannedWith(model.name, model.revision, layout.name, date, _versions(options)),
        rows=rows,
        findings=detection.findings,
        threshold=decide_threshold(rows, options),
        control_tokens=encoded.control_tokens,
        notes=encoded.notes,
        seconds=_seconds_since(started),
    )


def resolve_options(options: ScanOptions, model: LanguageModel, progress: Progress) -> ScanOptions:
    """The options with nothing left to choose."""
    asked = options.encoding.max_length
    max_length = min(asked, model.max_positions or sys.maxsize)
    if max_length < asked:
        progress.note(
            f"The model has {max_length:,} positions: rows are cut off there, not at {asked:,}."
        )
    return replace(
        options,
        encoding=replace(options.encoding, max_length=max_length),
        model=replace(
            options.model,
            dtype=Dtype(str(model.dtype).removeprefix("torch.")),
            device=SPLIT if options.model.device == SPLIT else str(model.device),
        ),
        batch_tokens=options.batch_tokens
        or BATCH_TOKENS.get(model.device.type, BATCH_TOKENS_ACCELERATOR),
    )


def _versions(options: ScanOptions) -> dict[str, str]:
    """Of the packages that compute the scores of a scan."""
    if options.model.quantize is Quantize.NONE:
        return dict(VERSIONS)
    return {**VERSIONS, "bitsandbytes": version("bitsandbytes")}


def _plan(store: EncodedStore, batching: Batching, space: Workspace) -> BatchPlan:
    """The rows' order, in files: 16 bytes a row."""
    plan = plan_batches(store, batching)
    return replace(
        plan,
        rows=in_file(plan.rows, space.scratch / "planned_rows"),
        copy_of=in_file(plan.copy_of, space.scratch / "planned_of_stored"),
    )


def _batching(options: ScanOptions, model: LanguageModel) -> Batching:
    assert options.batch_tokens is not None
    shares = model.shares_prefixes and not options.detector.needs_backward
    return Batching(options.batch_tokens, shares)


def _checked_scores(
    scores: NDArray[np.float64], encoded: EncodedData, options: ScanOptions
) -> NDArray[np.float64]:
    """A detector's scores, of the rows that are scored.

    **Raises:**

    `OptionError` for a detector that gives something else.
    """
    with np.errstate(invalid="ignore"):
        outside = (scores < -_ROUNDED) | (scores > 1 + _ROUNDED)
    if scores.shape != encoded.skip_codes.shape or outside.any():
        raise OptionError(
            f"The detector {options.detector.name} gives no score in [0, 1] for each row.",
            "Mend it, or choose another.",
        )
    return np.where(encoded.skip_codes == NOT_SKIPPED, scores, np.nan)


def _row_table(encoded: EncodedData, scores: NDArray[np.float64]) -> RowTable:
    skip_codes = encoded.skip_codes.copy()
    skip_codes[(skip_codes == NOT_SKIPPED) & np.isnan(scores)] = skip_code(SkipReason.NOT_FINITE)
    return RowTable(
        scores,
        skip_codes,
        encoded.target_tokens,
        encoded.truncated,
        encoded.origins,
        encoded.labels,
    )


def _fingerprint(
    store: EncodedStore, plan: BatchPlan, model: LanguageModel, options: ScanOptions
) -> str:
    """A digest of everything that a row's score, and its place among the others, depends on."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (store.digests, plan.rows, plan.starts):
        digest.update(part.view(np.uint8).data)
    detector = options.detector
    settings: list[object] = [detector.name, asdict(options.model), asdict(detector)]
    settings.append(DETECTORS.version_of(detector.name))
    settings += [options.batch_tokens, model.shares_prefixes, model.name, model.revision]
    digest.update(json.dumps([settings, _versions(options)]).encode())
    return digest.hexdigest()
