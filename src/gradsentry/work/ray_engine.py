"""Actors of a Ray cluster, each with the model loaded once.

Tasks and results go through Ray's object store. An actor that dies, with its machine or alone, is
started again and gets its task again; stages are pure functions, so that it gives the same. Ray
Data would do as much for data that it reads itself; here a task may depend on results of an earlier
stage, actors outlive the stages, and results are needed in the order of the tasks.
"""

from __future__ import annotations

import logging
import math
import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gradsentry.errors import GradSentryError, OptionError
from gradsentry.faults import first_line
from gradsentry.models.split_model import SPLIT
from gradsentry.work.engine import Advance, Stage, UnderWay, Worker, in_order
from gradsentry.work.engine_options import EngineOptions
from gradsentry.work.process_engine import TASKS_PER_WORKER, starting_safely
from gradsentry.work.short_folder import short_folder
from gradsentry.work.worker_plan import WorkerPlan

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_END: Any = object()

_MOST_RESTARTS = 100
"""Of an actor. One that dies more often has a fault that goes on."""


_SECONDS_BETWEEN_LOOKS = 2.0
"""At whether the cluster is there, while no result comes: else a scan might wait for ever."""
_LONGEST_FOLDER = 39
"""Bytes of its name, if Ray is to have its sockets in it: the system bounds the names of these."""

_Address = tuple[str, int]


@dataclass(frozen=True)
class RayEngine:
    """Runs tasks on actors."""

    worker: Worker
    ray: Any
    """The module."""
    actors: list[Any]
    needed: tuple[_Address, ...]
    """Where the processes of Ray listen without which nothing goes on, by their names."""

    def map(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[_Result]:
        """The results, in the order of the tasks."""
        ahead = 2 * TASKS_PER_WORKER * len(self.actors)
        return in_order(self._results(stage, tasks, advance, ahead))

    def map_as_done(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[tuple[int, _Result]]:
        """The results as they come, numbered."""
        return self._results(stage, tasks, advance, math.inf)

    def _results(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance, ahead: float
    ) -> Iterator[tuple[int, _Result]]:
        free = deque(self.actors * TASKS_PER_WORKER)
        owners: dict[Any, Any] = {}
        running: UnderWay[Any] = UnderWay(len(free), ahead)
        iterator = iter(tasks)
        with _telling_ray_faults(self.ray):
            sent = self.ray.put(stage)
        while True:
            while running.has_room and (task := next(iterator, _END)) is not _END:
                actor = free.popleft()
                with _telling_ray_faults(self.ray):
                    reference = actor.run.remote(sent, task)
                owners[reference] = actor
                running.begin(reference)
            if not owners:
                return
            with _telling_ray_faults(self.ray):
                reference = self._one_done(list(owners))
                result, rows = self.ray.get(reference)
            free.append(owners.pop(reference))
            advance(rows)
            yield running.end(reference), result

    def _one_done(self, references: Sequence[Any]) -> Any:
        """Wait until one of some results is there; which."""
        while True:
            done, _ = self.ray.wait(references, num_returns=1, timeout=_SECONDS_BETWEEN_LOOKS)
            if done:
                return done[0]
            for address in self.needed:
                if _is_refused(address):
                    raise _cluster_failed("a process of it on which all depends died")


def _is_refused(address: _Address) -> bool:
    """Whether nobody listens at an address; what is slow to answer is there."""
    try:
        socket.create_connection(address, _SECONDS_BETWEEN_LOOKS).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _cluster_failed(why: str) -> GradSentryError:
    return GradSentryError(
        f"The Ray cluster failed ({why}).",
        "Run the same command again to go on when it is back.",
    )


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
    plan: WorkerPlan, worker: Worker, options: EngineOptions, work: Path
) -> Iterator[RayEngine]:
    """An engine on a cluster, which is left, or stopped if it was started for this, at the end.

    **Arguments:**

    - `worker`: this process's own.
    - `work`: the scan's work folder.

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
    private = ray._private
    with (
        starting_safely(),
        short_folder(work) as folder,
        # Ray prints pages of what became of its processes, on standard output, and has no option
        # for that. We say it in a sentence.
        _being_so(private.worker, "_worker_logs_enabled", False),
    ):
        with (
            _being_in(folder),
            # How Ray listens at 127.0.0.1 alone, as it does on other systems than Linux.
            _being_so(private.ray_constants, "ENABLE_RAY_CLUSTER", options.address is not None),
        ):
            _connect(ray, options.address, folder)
        try:
            with _telling_ray_faults(ray):
                engine = RayEngine(worker, ray, _start_actors(ray, plan, options), _needed(ray))
            yield engine
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str | None, folder: Path) -> None:
    """Connect to a cluster, or start one that has all of its files in a folder."""
    own: dict[str, Any] = {} if address else {"include_dashboard": False}
    if not address and len(os.fsencode(folder)) <= _LONGEST_FOLDER:
        own["_temp_dir"] = str(folder)
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **own,
        )
    except Exception as error:  # a bare one, where a part of Ray dies while it starts
        known = (ConnectionError, RuntimeError, ValueError, OSError)
        if not address or not isinstance(error, known):
            raise _cluster_failed(first_line(error)) from None
        raise OptionError(
            f"`address` {address}: there is no Ray cluster that can be used ({first_line(error)}).",
            "Start one with `ray start --head`, or leave `address` out.",
        ) from None


def _needed(ray: Any) -> tuple[_Address, ...]:
    """The addresses of the cluster's head and of this machine's own process of it."""
    if ray.util.client.ray.is_connected():
        return ()  # by way of a server, which tells if it loses them
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    head = host.strip("[]"), int(port)
    own = [node for node in ray.nodes() if node["NodeID"] == context.get_node_id()]
    return (head, *((node["NodeManagerAddress"], node["NodeManagerPort"]) for node in own))


@contextmanager
def _being_so(module: Any, name: str, value: bool) -> Iterator[None]:
    """Set what a module is told by a name of its own; where it has none, nothing is read."""
    before = getattr(module, name, None)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


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
        raise _cluster_failed(type(error).__name__) from None
    except (ConnectionError, BrokenPipeError) as error:
        raise _cluster_failed(first_line(error)) from None
