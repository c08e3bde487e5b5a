"""Scans of mixtures that share the head states of their rows."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from pathlib import Path

from gradsentry.bench.state_cache import StateCache
from gradsentry.detectors import Detector, detector_class
from gradsentry.encoding import EncodedStore, Encoder
from gradsentry.pipeline.scanning import resolve_options, scan_rows
from gradsentry.records.open_data import open_data
from gradsentry.report import ScanReport
from gradsentry.scan_options import ScanOptions
from gradsentry.work.engine import LocalEngine, Worker
from gradsentry.work.progress import Progress
from gradsentry.work.work_folder import work_folder
from gradsentry.work.workspace import Workspace, resolved


def scan_mixture(
    mixture: Path, options: ScanOptions, states: StateCache, folder: Path, progress: Progress
) -> tuple[ScanReport, float]:
    """A mixture's result, and the seconds that it took without computing head states.

    **Arguments:**

    - `states`: of the model that scans; its batches are those of the scan.
    - `folder`: the scan's own files lie beside it, in a hidden folder that goes at the end.
    """
    options = replace(options, batch_tokens=states.batch_tokens)
    source, layout, _ = open_data(mixture, options.data)
    options.detector.check_model(states.model)
    options = resolve_options(options, states.model, progress)
    worker = Worker.of(states.model, Encoder(states.model.tokenizer, options.encoding))
    computing = 0.0

    def keep_states(store: EncodedStore) -> LocalEngine:
        nonlocal computing
        started = time.monotonic()
        kept = states.of_store(store, progress)
        computing = time.monotonic() - started
        return LocalEngine(replace(worker, states=kept))

    with work_folder(resolved(folder), "run", []) as own:
        space = Workspace(Workspace(own, None).scratch, None)  # nothing of it is taken up again
        engine = LocalEngine(worker)
        result = scan_rows(source, layout, options, engine, space, progress, keep_states)
    return result, result.seconds - computing


def detector_for(name: str, **known: object) -> Detector:
    """The detector of a name, told what is known of the mixture as far as it has an option for it.

    **Raises:**

    `OptionError` if there is none.
    """
    kind = detector_class(name)
    own = {field.name for field in fields(kind)}
    return kind(**{option: value for option, value in known.items() if option in own})
