"""Where the stages of a scan run: one after the other here, or in other processes.

A stage is a pure function of a task and of what a worker has loaded. It is given to every worker as
it is, so it must be picklable, and so must tasks and results. The same stage gives the same results
wherever it runs, and in whatever order tasks are done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from gradsentry.encoding import EncodedBatch, Encoder
from gradsentry.models import ForwardPass, HeadStates, LanguageModel, TargetStates

Task = TypeVar("Task", contravariant=True)
Result = TypeVar("Result", covariant=True)
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_Handle = TypeVar("_Handle")

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

    def map_as_done(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[tuple[int, _Result]]:
        """The results as they come, each with the number of its task: what is kept at once isn't
        lost with this process while an earlier one isn't there yet."""
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

    def map_as_done(
        self, stage: Stage[_Task, _Result], tasks: Iterable[_Task], advance: Advance
    ) -> Iterator[tuple[int, _Result]]:
        """The same, numbered."""
        yield from enumerate(self.map(stage, tasks, advance))


@dataclass
class UnderWay(Generic[_Handle]):
    """Tasks that other processes have begun, by what stands for their results."""

    most: int
    """That are begun at once."""
    ahead: float = math.inf
    """How many may be begun from the first on that isn't done: bounds what waits for its turn."""
    begun: int = 0
    numbers: dict[_Handle, int] = field(default_factory=dict)

    @property
    def has_room(self) -> bool:
        """Whether another one can be begun."""
        first = min(self.numbers.values(), default=self.begun)
        return len(self.numbers) < self.most and self.begun - first < self.ahead

    def begin(self, handle: _Handle) -> None:
        """The next one."""
        self.numbers[handle] = self.begun
        self.begun += 1

    def end(self, handle: _Handle) -> int:
        """The number of one that is done."""
        return self.numbers.pop(handle)


def in_order(results: Iterable[tuple[int, _Result]]) -> Iterator[_Result]:
    """Results that come with the numbers of their tasks, in the order of these."""
    early: dict[int, _Result] = {}
    turn = 0
    for number, result in results:
        early[number] = result
        while turn in early:
            yield early.pop(turn)
            turn += 1
