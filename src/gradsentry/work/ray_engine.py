"""Actors of a Ray cluster, each with the model loaded once.

Tasks and results go through Ray's object store. An actor that dies, with its machine or alone, is
started again and gets its task again; stages are pure functions, so that it gives the same. Ray
Data would do as much for data that it reads itself; here a task may depend on results of an earlier
stage, actors outlive the stages, and results are needed in the order of the tasks.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gradsentry.errors import GradSentryError, OptionError
from gradsentry.faults import first_line
from gradsentry.models.split_model import SPLIT
from gradsentry.work.engine import Advance, Stage, Worker
from gradsentry.work.engine_options import EngineOptions
from gradsentry.work.process_engine import TASKS_PER_WORKER, starting_safely
from gradsentry.work.worker_plan import WorkerPlan

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_END: Any = object()

_MOST_RESTARTS = 100
"""Of an actor. One that dies more often has a fault that goes on."""


@dataclass(frozen=True)
class RayEngine:
    """Runs tasks on actors."""

    worker: Worker
    ray: Any
    """The module."""
    actors: list[Any]

    def map(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[_Result]:
        """The results, in the order of the tasks."""
        run = _Run(self.ray, self.ray.put(stage), deque(self.actors * TASKS_PER_WORKER))
        iterator = iter(tasks)
        while True:
            while run.has_room and (task := next(iterator, _END)) is not _END:
                run.submit(task)
            if not run.waiting:
                return
            with _telling_ray_faults(self.ray):
                finished = run.finished()
            for result, rows in finished:
                advance(rows)
                yield result


@dataclass
class _Run:
    """A stage that is running."""

    ray: Any
    stage: Any
    """Its reference."""
    free: deque[Any]
    """Actors that can take a task, each as often as it can take one."""
    waiting: deque[Any] = field(default_factory=deque)
    """References of results, in the order of the tasks."""
    owners: dict[Any, Any] = field(default_factory=dict)
    """Of those that aren't there yet, the actor."""

    @property
    def has_room(self) -> bool:
        """Whether a task can be begun: an actor is free, and not too many results lie waiting."""
        return bool(self.free) and len(self.waiting) < 2 * (len(self.free) + len(self.owners))

    def submit(self, task: Any) -> None:
        """Give a task to a free actor."""
        actor = self.free.popleft()
        reference = actor.run.remote(self.stage, task)
        self.owners[reference] = actor
        self.waiting.append(reference)

    def finished(self) -> list[Any]:
        """Wait until a result is there; those that are next in order, if any."""
        if self.owners:
            ready, _ = self.ray.wait(list(self.owners), num_returns=1)
            for reference in ready:
                self.free.append(self.owners.pop(reference))
        found = []
        while self.waiting and self.waiting[0] not in self.owners:
            found.append(self.ray.get(self.waiting.popleft()))
        return found


class _Actor:
    """A process of the cluster with the model."""

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._worker: Any = None

    def run(self, stage: Stage[Any, Any], task: Any) -> tuple[Any, int]:
        """The result of a stage, and the rows that it told of."""
        if self._worker is None:  # not in the constructor, where an error couldn't be told
            import torch

            own = SPLIT if self._plan.model.device == SPLIT else "cuda"
            self._worker = self._plan.load(own if torch.cuda.is_available() else "cpu")
        done: list[int] = []
        return stage(task, self._worker, done.append), sum(done)


@contextmanager
def open_ray_engine(
    plan: WorkerPlan, worker: Worker, options: EngineOptions
) -> Iterator[RayEngine]:
    """An engine on a cluster, which is left, or stopped if it was started for this, at the end.

    **Arguments:**

    - `worker`: this process's own.

    **Raises:**

    `OptionError` without Ray, or if the cluster can't be reached or has too little.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
    except ImportError:
        raise OptionError(
            "The engine ray needs the package ray.", "Install gradsentry[ray]."
        ) from None
    with starting_safely(), tempfile.TemporaryDirectory(prefix="gradsentry-") as folder:
        with _being_in(Path(folder)):
            _connect(ray, options.address)
        try:
            yield RayEngine(worker, ray, _start_actors(ray, plan, options))
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    try:
        ray.init(
            address=address or "local",
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise OptionError(
            f"`address` {address}: there is no Ray cluster that can be used ({first_line(error)}).",
            "Start one with `ray start --head`, or leave `address` out.",
        ) from None


def _start_actors(ray: Any, plan: WorkerPlan, options: EngineOptions) -> list[Any]:
    has = ray.cluster_resources()
    gpus = options.gpus if options.gpus is not None else float(has.get("GPU", 0) > 0)
    if gpus > has.get("GPU", 0):
        raise OptionError(
            f"A worker was to have {gpus:g} GPUs, and the cluster has {has.get('GPU', 0):g}.",
            "Give less with `gpus`.",
        )
    workers = options.workers or max(1, int(has.get("GPU", 0) / gpus) if gpus else 1)
    # Ray would set the threads by CPUs: the plan does.
    kind = ray.remote(
        num_cpus=0,
        num_gpus=gpus,
        max_restarts=_MOST_RESTARTS,
        max_task_retries=-1,
        runtime_env=_environment(),
    )(_Actor)
    return [kind.remote(plan) for _ in range(workers)]


def _environment() -> dict[str, Any]:
    """What workers need of this process's environment."""
    names = ("GRADSENTRY_CACHE", "HF_HUB_OFFLINE", "HF_HOME", "OMP_NUM_THREADS")
    own = {name: os.environ[name] for name in names if name in os.environ}
    return {"env_vars": {**own, "TOKENIZERS_PARALLELISM": "false"}}


@contextmanager
def _being_in(folder: Path) -> Iterator[None]:
    """Be in a folder of our own while Ray starts: it has its workers import from where it's
    started. They stay in it, so it must stay while they run."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _telling_ray_faults(ray: Any) -> Iterator[None]:
    """What a stage raises, as it would be raised here; and a cluster that is gone."""
    try:
        yield
    except ray.exceptions.RayTaskError as error:
        raise (error.cause or error) from None
    except ray.exceptions.RayError as error:
        raise GradSentryError(
            f"The Ray cluster failed ({type(error).__name__}).",
            "Run the same command again to go on when it is back.",
        ) from None
