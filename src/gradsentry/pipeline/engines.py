"""The engine that the options ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from gradsentry.encoding import Encoder
from gradsentry.models import LanguageModel
from gradsentry.models.split_model import SPLIT
from gradsentry.scan_options import ScanOptions
from gradsentry.work.engine import Engine, LocalEngine, Worker
from gradsentry.work.engine_options import EngineKind
from gradsentry.work.process_engine import open_process_engine
from gradsentry.work.ray_engine import open_ray_engine
from gradsentry.work.worker_plan import WorkerPlan
from gradsentry.work.workspace import Workspace


@contextmanager
def open_engine(
    options: ScanOptions,
    reference: str | Path | LanguageModel | None,
    model: LanguageModel,
    space: Workspace,
) -> Iterator[Engine]:
    """An engine for a scan, which is closed at the end.

    **Arguments:**

    - `options`: as resolved.
    - `reference`: the model as the user gave it, and `model` as it was loaded in this process.
    - `space`: the scan's.

    **Raises:**

    `OptionError` for an engine that isn't there, or that the model can't be sent to.
    """
    worker = Worker.of(model, Encoder(model.tokenizer, options.encoding))
    devices = _devices(options, reference, model)
    if options.engine.kind is EngineKind.LOCAL and len(devices) == 1:
        yield LocalEngine(worker)
        return
    plan = WorkerPlan.of(reference, model, options.model, options.encoding)
    if options.engine.kind is EngineKind.RAY:
        with open_ray_engine(plan, worker, options.engine, space.folder) as engine:
            yield engine
    else:
        with open_process_engine(plan, worker, devices, space.scratch) as processes:
            yield processes


def _devices(
    options: ScanOptions, reference: str | Path | LanguageModel | None, model: LanguageModel
) -> list[str]:
    """What the processes of this machine work on, one each."""
    if options.model.device == SPLIT:
        return [SPLIT] * (options.engine.workers or 1)
    on_gpus = model.device.type == "cuda" and model.device.index in (None, 0)
    gpus = torch.cuda.device_count() if on_gpus and not isinstance(reference, LanguageModel) else 1
    workers = options.engine.workers or max(1, gpus)
    if gpus > 1:
        return [f"cuda:{number % gpus}" for number in range(workers)]
    return [str(model.device)] * workers
