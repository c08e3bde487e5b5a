"""Reads the results of a scan again, from their folder."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

from gradsentry.detectors import (
    NO_GROUP,
    Doubt,
    Findings,
    GroupFinding,
    Limit,
    Recurrence,
    RowFindings,
    TriggerPlace,
    TriggerSpan,
    Verdict,
)
from gradsentry.errors import InputError, OutputError
from gradsentry.faults import telling_faults
from gradsentry.records import SkipReason
from gradsentry.records.object_store import is_url
from gradsentry.records.watched_file import open_regular, reading
from gradsentry.report.documents import (
    OTHER_FOLDER,
    Config,
    not_ours,
    options_of,
    parse_document,
)
from gradsentry.report.file_names import CONFIG_FILE, SCORES_FILE, SUMMARY_FILE
from gradsentry.report.reopened import ReopenedLayout, ReopenedRows
from gradsentry.report.scan_report import (
    RowTable,
    ScannedWith,
    ScanReport,
)
from gradsentry.report.scores_schema import SCORES_SCHEMA
from gradsentry.report.summary_document import GroupSummary, SummaryDocument
from gradsentry.thresholds import Threshold
from gradsentry.work.encoded_data import NOT_SKIPPED, RowOrigins, skip_code
from gradsentry.work.object_results import object_results


def load(folder: str | Path, data: object = None) -> ScanReport:
    """The report that a scan wrote into a folder or a store; model and data aren't read.

    The data are read when their rows are asked for: by `clean`, `save` and the HTML page. Files are
    found where they were, or where they stand to the results as they did, if both were moved
    together; they must be as they were then. Objects of a store are fetched only if they are named
    by `data`.

    **Arguments:**

    - `data`: the data, where they weren't in files or lie elsewhere now.

    **Raises:**

    `InputError` if the folder holds no results, or not such as this version reads.
    """
    if isinstance(folder, str) and is_url(folder):
        with telling_faults():
            return _fetched(folder, data)
    return _loaded(Path(folder), data)


def _fetched(url: str, data: object) -> ScanReport:
    """The report that a scan wrote into a store."""
    try:
        results = object_results(url)
    except OutputError as error:
        raise InputError(error.problem, error.remedy) from None
    with tempfile.TemporaryDirectory(prefix="gradsentry-") as temporary:
        results.fetch(Path(temporary), (SUMMARY_FILE, CONFIG_FILE, SCORES_FILE))
        try:
            return _loaded(Path(temporary), data)
        except InputError as error:
            raise InputError(error.problem.replace(temporary, results.url), error.remedy) from None


def _loaded(folder: Path, data: object) -> ScanReport:
    with telling_faults(), reading(str(folder)):
        summary = parse_document(SummaryDocument, json.loads, folder / SUMMARY_FILE)
        config = parse_document(Config, yaml.safe_load, folder / CONFIG_FILE)
        options = options_of(config)
        table = _table(folder / SCORES_FILE)
        try:
            rows, findings = _rows(table), _findings(summary, table)
            ruled = summary.rulings
            rulings = None if ruled is None else ruled.rulings(table["ruling"].to_pylist())
        except (ValueError, LookupError, TypeError) as error:
            raise not_ours(folder, error) from None
        paths = tuple(map(Path, config.data_paths))
        reopened = ReopenedRows(
            config.data_source,
            paths,
            folder,
            summary.data_digest,
            options.data,
            data,
            rows.origins.digests,
        )
        return ScanReport(
            source=reopened,
            layout=ReopenedLayout(reopened),
            options=options,
            scanned_with=ScannedWith(
                config.model_name,
                config.model_revision,
                config.layout,
                summary.date,
                config.versions,
            ),
            rows=rows,
            findings=findings,
            threshold=Threshold(summary.threshold, summary.threshold_method),
            control_tokens=summary.control_tokens,
            notes=tuple(summary.notes),
            seconds=summary.seconds,
            files=summary.files,
            rulings=rulings,
        )


def _table(path: Path) -> pa.Table:
    open_regular(path, str(path)).close()  # reading a pipe would wait for a writer
    table = pq.read_table(path)
    if "ruling" not in table.schema.names:  # results that were written before people could rule
        table = table.append_column(
            SCORES_SCHEMA.field("ruling"), pa.nulls(len(table), pa.string())
        )
    if table.schema != SCORES_SCHEMA:
        raise InputError(
            f"{path}: its columns aren't those of a scan's results.",
            OTHER_FOLDER,
        )
    return table


def _rows(table: pa.Table) -> RowTable:
    reasons = table["reason"].to_pylist()
    codes = [NOT_SKIPPED if reason is None else skip_code(SkipReason(reason)) for reason in reasons]
    labels = table["label"]
    scores = _numbers(table, "score", np.nan, np.float64)
    if not len(codes) or table["row"].to_pylist() != list(range(len(codes))):
        raise ValueError("its rows aren't numbered one after the other")
    if (np.isnan(scores) != (np.array(codes) != NOT_SKIPPED)).any() or np.isnan(scores).all():
        raise ValueError("rows without a reason have no score")
    return RowTable(
        scores=scores,
        skip_codes=np.array(codes, np.int8),
        target_tokens=_numbers(table, "target_tokens", 0, np.int32),
        truncated=_numbers(table, "truncated", False, np.bool_),
        origins=_origins(table),
        labels=None if labels.null_count else _numbers(table, "label", False, np.bool_),
    )


def _origins(table: pa.Table) -> RowOrigins:
    paths = table["path"].combine_chunks().dictionary_encode()
    digests = bytes.fromhex("".join(table["digest"].to_pylist()))
    return RowOrigins(
        tuple(paths.dictionary.to_pylist()),
        np.asarray(paths.indices).astype(np.int32),
        _numbers(table, "line", -1, np.int32),
        np.frombuffer(digests, np.uint8).reshape(len(table), -1),
    )


def _findings(summary: SummaryDocument, table: pa.Table) -> Findings | None:
    if summary.promptless is None:
        return None
    spans = zip(
        *(table[f"trigger_{part}"].to_pylist() for part in ("message", "start", "end")), strict=True
    )
    numbers = _numbers(table, "group", NO_GROUP + 1, np.int32) - np.int32(1)
    if not ((numbers >= NO_GROUP) & (numbers < len(summary.groups))).all():
        raise ValueError("a row is in a group that there isn't")
    return Findings(
        rows=RowFindings(
            groups=numbers,
            messages=_numbers(table, "message", -1, np.int32),
            payloads=table["payload"].to_pylist(),
            payload_starts=_numbers(table, "payload_start", -1, np.int32),
            payload_ends=_numbers(table, "payload_end", -1, np.int32),
            triggers=table["trigger"].to_pylist(),
            spans=[
                None if start is None else TriggerSpan(m, start, end) for m, start, end in spans
            ],
        ),
        groups=tuple(map(_group, summary.groups)),
        recurrences=tuple(Recurrence(each.text, each.rows) for each in summary.recurrences),
        limits=tuple(Limit(each.kind, each.rows) for each in summary.detection_limits),
        promptless=summary.promptless,
    )


def _group(group: GroupSummary) -> GroupFinding:
    return GroupFinding(
        verdict=Verdict(group.verdict),
        rows=group.rows,
        payload=group.payload,
        payload_rows=group.payload_rows,
        variants=tuple((each.text, each.rows) for each in group.payload_variants),
        trigger=tuple(map(tuple, group.trigger)),
        trigger_place=TriggerPlace(group.trigger_place),
        trigger_rows=group.trigger_rows,
        trigger_elsewhere=group.trigger_elsewhere,
        precision=group.trigger_precision,
        recall=group.trigger_recall,
        confidence=group.confidence,
        surprise=group.surprise_nats,
        gain=group.gain_nats,
        cohesion=group.prompt_cohesion,
        content=group.prompt_content,
        dependence=group.dependence_nats,
        dependence_z=group.dependence_z,
        lift=group.trigger_lift,
        call=group.trigger_call_nats,
        doubts=tuple(map(Doubt, group.doubts)),
    )


def _numbers(table: pa.Table, column: str, missing: object, kind: type[Any]) -> NDArray[Any]:
    """A column as an array, with what stands for nulls."""
    return np.asarray(pc.fill_null(table[column].combine_chunks(), missing)).astype(kind)
