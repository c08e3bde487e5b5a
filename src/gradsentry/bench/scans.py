"""Scans of mixtures that share the head states of their rows."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from gradsentry.bench.states import KeptStates, StateCache
from gradsentry.encoding import EncodedStore
from gradsentry.models import LanguageModel
from gradsentry.pipeline import Progress, ScanOptions, ScanResult
from gradsentry.pipeline.reading import opened
from gradsentry.pipeline.scanning import scan_rows
from gradsentry.pipeline.work_folder import work_folder
from gradsentry.pipeline.workspace import Workspace, resolved


def scan_mixture(
    mixture: Path, options: ScanOptions, states: StateCache, folder: Path, progress: Progress
) -> tuple[ScanResult, float]:
    """A mixture's result, and the seconds that it took without computing head states.

    **Arguments:**

    - `states`: of the model that scans; its batches are those of the scan.
    - `folder`: the scan's own files lie beside it, in a hidden folder that goes at the end.
    """
    options = replace(options, batch_tokens=states.batch_tokens)
    source, layout, _ = opened(mixture, options.data)
    computing = 0.0

    def kept_states(_: LanguageModel, store: EncodedStore) -> KeptStates:
        nonlocal computing
        started = time.monotonic()
        kept = states.of_store(store, progress)
        computing = time.monotonic() - started
        return kept

    with work_folder(resolved(folder), "run", []) as own:
        space = Workspace(Workspace(own, None).scratch, None)  # nothing of it is taken up again
        result = scan_rows(source, layout, states.model, options, space, progress, kept_states)
    return result, result.seconds - computing
