"""Several processes of this machine, each with the model on a device of its own."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, TypeVar

from gradsentry.errors import GradSentryError
from gradsentry.work.engine import Advance, Stage, UnderWay, Worker, in_order
from gradsentry.work.worker_plan import WorkerPlan

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_END: Any = object()

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
        ahead = 2 * TASKS_PER_WORKER * self.workers
        return in_order(self._results(stage, tasks, advance, ahead))

    def map_as_done(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[tuple[int, _Result]]:
        """The results as they come, numbered."""
        return self._results(stage, tasks, advance, math.inf)

    def _results(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance, ahead: float
    ) -> Iterator[tuple[int, _Result]]:
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
            pickle.dump(stage, file)
        running: UnderWay[Future[tuple[_Result, int]]]
        running = UnderWay(TASKS_PER_WORKER * self.workers, ahead)
        iterator = iter(tasks)
        try:
            while True:
                while running.has_room and (task := next(iterator, _END)) is not _END:
                    running.begin(self.pool.submit(_run, file.name, task))
                if not running.numbers:
                    return
                for future in wait(running.numbers, return_when=FIRST_COMPLETED).done:
                    result, rows = future.result()
                    advance(rows)
                    yield running.end(future), result
        except BrokenProcessPool:
            raise GradSentryError(
                "A process of the scan died; the system may have run out of memory.",
                "Run the same command again to go on, with fewer workers if memory is short.",
            ) from None
        finally:
            for future in running.numbers:
                future.cancel()
            Path(file.name).unlink(missing_ok=True)


@contextmanager
def open_process_engine(
    plan: WorkerPlan, worker: Worker, devices: Sequence[str], folder: Path
) -> Iterator[ProcessEngine]:
    """An engine with one process on each of the devices.

    **Arguments:**

    - `worker`: this process's own.
    - `folder`: for files of this run alone.
    """
    context = multiprocessing.get_context("spawn")
    with (
        starting_safely(),
        ProcessPoolExecutor(
            len(devices), context, _begin, (plan, _filled(context.Queue(), devices))
        ) as pool,
    ):
        try:
            yield ProcessEngine(worker, pool, len(devices), folder)
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
    threading.Thread(target=_end_with_parent, daemon=True).start()
    device = free.get()
    _Here.load = lambda: plan.load(device)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads would be as many in each process


def _end_with_parent() -> None:
    """A scan that is killed can't tell its processes, which would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


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
