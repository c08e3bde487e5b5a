"""Several processes of this machine, each with the model on a device of its own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, TypeVar

from gradsentry.errors import GradSentryError
from gradsentry.work.engine import Advance, Stage, Worker
from gradsentry.work.worker_plan import WorkerPlan

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_SAFE_PATH = "PYTHONSAFEPATH"

TASKS_PER_WORKER = 2
"""One that it works on, and one that waits: more would only fill the memory."""


@dataclass(frozen=True)
class ProcessEngine:
    """Runs tasks in processes that are there already."""

    worker: Worker
    pool: ProcessPoolExecutor
    workers: int
    folder: Path
    """Where stages lie for the processes to read."""

    def map(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[_Result]:
        """The results, in the order of the tasks."""
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
            pickle.dump(stage, file)
        waiting: deque[Future[tuple[_Result, int]]] = deque()
        iterator = iter(tasks)
        try:
            while True:
                room = TASKS_PER_WORKER * self.workers - len(waiting)
                for task in islice(iterator, room):
                    waiting.append(self.pool.submit(_run, file.name, task))
                if not waiting:
                    return
                result, rows = waiting.popleft().result()
                advance(rows)
                yield result
        except BrokenProcessPool:
            raise GradSentryError(
                "A process of the scan died; the system may have run out of memory.",
                "Run the same command again to go on, with fewer workers if memory is short.",
            ) from None
        finally:
            for future in waiting:
                future.cancel()
            Path(file.name).unlink(missing_ok=True)


@contextmanager
def open_process_engine(
    plan: WorkerPlan, worker: Worker, devices: Sequence[str]
) -> Iterator[ProcessEngine]:
    """An engine with one process on each of the devices; `worker` is this process's own."""
    context = multiprocessing.get_context("spawn")
    with (
        starting_safely(),
        tempfile.TemporaryDirectory(prefix="gradsentry-") as folder,
        ProcessPoolExecutor(
            len(devices), context, _begin, (plan, _filled(context.Queue(), devices))
        ) as pool,
    ):
        try:
            yield ProcessEngine(worker, pool, len(devices), Path(folder))
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def starting_safely() -> Iterator[None]:
    """While other processes of Python are started, see that none imports from the folder that it's
    started in, which may be the data's."""
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _filled(free: Queue[str], devices: Sequence[str]) -> Queue[str]:
    for device in devices:
        free.put(device)
    return free


class _Here:
    """What this process has loaded."""

    load: Callable[[], Worker]
    worker: Worker | None = None
    stage: tuple[str, Stage[Any, Any]] = ("", None)  # type: ignore[assignment]


def _begin(plan: WorkerPlan, free: Queue[str]) -> None:
    device = free.get()
    _Here.load = lambda: plan.load(device)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads would be as many in each process


def _run(stage_file: str, task: Any) -> tuple[Any, int]:
    """The result of a stage, and the rows that it told of."""
    if _Here.worker is None:  # not at the beginning, where an error couldn't be told
        _Here.worker = _Here.load()
    if _Here.stage[0] != stage_file:
        with open(stage_file, "rb") as file:  # noqa: PTH123
            _Here.stage = stage_file, pickle.load(file)
    done: list[int] = []
    result = _Here.stage[1](task, _Here.worker, done.append)
    return result, sum(done)
