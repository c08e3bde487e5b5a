"""A scan's verdicts in a pipeline of datatrove."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from gradsentry.errors import OptionError
from gradsentry.integrations.needed_packages import import_needed
from gradsentry.report.load_report import load

_VERDICTS = ("poison", "review", "skipped")


def datatrove_filter(
    results: str | Path,
    *,
    drop: Sequence[str] = ("poison", "skipped"),
    annotate: bool = False,
    row_of: Callable[[Any], Mapping[str, object]] | None = None,
    exclusion_writer: Any = None,
) -> Any:
    """A step for a datatrove pipeline that drops documents by the verdicts of a scan.

    It stands right behind the reader, since documents are told by their content. Workers may read
    them in any order and number. A document that wasn't scanned stops the pipeline.

    **Arguments:**

    - `results`: the folder that the scan wrote, or `gradsentry apply` after it; workers read it.
    - `drop`: the verdicts of documents to drop. The default leaves what `clean.*` has; an empty
        list drops nothing.
    - `annotate`: put `gradsentry_score`, `gradsentry_verdict` and `gradsentry_group` into the
        metadata of the documents, as `add_scan_columns` names them.
    - `row_of`: gives the row that a document was made of, column name to value. None takes
        readers as they are by default, with the text in a column `text`.
    - `exclusion_writer`: a writer of datatrove for the documents that are dropped.

    **Raises:**

    `InputError` if datatrove isn't installed or `results` isn't a folder of results; in the
    pipeline, for a document that wasn't scanned. `OptionError` for a verdict that there isn't.
    """
    for verdict in drop:
        if verdict not in _VERDICTS:
            raise OptionError(f"`drop` can't name {verdict!r}.", f"Name {', '.join(_VERDICTS)}.")
    import_needed("datatrove", "datatrove")
    load(results)  # a wrong folder is told now, and not by a worker
    step = import_module("gradsentry.integrations.datatrove_step")
    return step.ScanFilter(str(results), frozenset(drop), annotate, row_of, exclusion_writer)
