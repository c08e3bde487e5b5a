"""Where the stages of a scan run: one after the other here, or in other processes.

A stage is a pure function of a task and of what a worker has loaded. It is given to every worker as
it is, so it must be picklable, and so must tasks and results. The same stage gives the same results
wherever it runs, and in whatever order tasks are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from gradsentry.encoding import EncodedBatch, Encoder
from gradsentry.models import ForwardPass, HeadStates, LanguageModel, TargetStates

Task = TypeVar("Task", contravariant=True)
Result = TypeVar("Result", covariant=True)
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

Advance = Callable[[int], None]
"""Told how many rows are done."""


@dataclass(frozen=True)
class Worker:
    """What is loaded once where stages run."""

    model: LanguageModel
    encoder: Encoder
    states: HeadStates

    @staticmethod
    def of(model: LanguageModel, encoder: Encoder) -> Worker:
        """A worker that computes head states when they are asked for."""
        return Worker(model, encoder, ForwardPass(model))

    def head_states(self, batch: EncodedBatch) -> TargetStates:
        """What the output head sees of a batch.

        **Raises:**

        `ModelError` if it is too large for the device's memory.
        """
        return self.states.of(batch)


class Stage(Protocol[Task, Result]):
    """A pure function of a task."""

    def __call__(self, task: Task, worker: Worker, advance: Advance) -> Result:
        """The result; `advance` is told of its rows as they are done."""
        ...


class Engine(Protocol):
    """Runs a stage on tasks."""

    @property
    def worker(self) -> Worker:
        """What this process has loaded, for what isn't a stage."""
        ...

    def map(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[_Result]:
        """The results, in the order of the tasks.

        Tasks are taken from their iterator as they can be begun, so that not all of them are in
        memory at once.
        """
        ...


@dataclass(frozen=True)
class LocalEngine:
    """Runs one task after the other in this process."""

    worker: Worker

    def map(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[_Result]:
        """The results, each computed when it is asked for."""
        for task in tasks:
            yield stage(task, self.worker, advance)
