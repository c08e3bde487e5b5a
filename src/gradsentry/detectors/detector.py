"""What a detector is: its options, how it scores rows, and what it says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import partial
from inspect import isabstract
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64, Integer
from torch import Tensor

from gradsentry._option_checks import check_options
from gradsentry.detectors.detection import Detection
from gradsentry.encoding import EncodedBatch
from gradsentry.errors import OptionError
from gradsentry.models import LanguageModel, OutputHead, TargetStates
from gradsentry.registry import DETECTORS
from gradsentry.thresholds import Threshold, kde_valley
from gradsentry.work.batch_results import compute_numbers
from gradsentry.work.engine import Worker
from gradsentry.work.scan_work import ScanWork


@dataclass(frozen=True, kw_only=True)
class Detector(ABC):
    """A way to score rows. A subclass is a frozen dataclass whose fields are its options.

    The scan, the command line, the report and the benchmarks ask a detector for all that they need
    to know of it. `StatesDetector` is the shortest way to a new one.
    """

    name: ClassVar[str]
    """What it is called on the command line and in files."""

    caveat: ClassVar[str] = (
        "This detector is here for comparison. It ranks rows within this data set, and most such "
        "methods flag some rows whether there is poison or not."
    )
    """What a reader of its verdict must know."""

    def __post_init__(self) -> None:
        check_options(self)

    @property
    @abstractmethod
    def axis(self) -> str:
        """What its scores are, in a sentence without its full stop."""

    @abstractmethod
    def detect(self, work: ScanWork) -> Detection:
        """Score all rows of a scan.

        **Raises:**

        `InputError` for data that it can't work on.
        """

    def threshold(self, scores: Float64[np.ndarray, "rows"]) -> Threshold:
        """The threshold above which rows are flagged, from the scores of all scored rows."""
        return kde_valley(scores)

    def check_model(self, model: LanguageModel) -> None:  # noqa: B027 (most take any model)
        """Look whether it can work with a model.

        **Raises:**

        `OptionError` if not.
        """

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Names and values of what decides its scores, for reports."""
        return ()

    @property
    def needs_backward(self) -> bool:
        """Whether it takes a backward pass through the model."""
        return False

    @property
    def moves_by_rounding(self) -> bool:
        """Whether scores lie so close to the threshold that rounding may move some across."""
        return False

    def highest_scores(
        self, target_tokens: Integer[np.ndarray, "rows"]
    ) -> Float64[np.ndarray, "rows"]:
        """The highest score that rows with so many targets can have, infinite where their number
        bounds nothing."""
        return np.full(len(target_tokens), np.inf)


@dataclass(frozen=True, kw_only=True)
class StatesDetector(Detector):
    """A detector that scores each row from what the output head sees of it."""

    @abstractmethod
    def score_states(self, states: TargetStates, head: OutputHead) -> Float64[Tensor, "B"]:
        """Scores of a batch, on the CPU, in [0, 1]; NaN where the model's numbers aren't finite."""

    def detect(self, work: ScanWork) -> Detection:
        """Score rows batch by batch."""
        return Detection(
            work.of_input_rows(compute_numbers(work, "scores", partial(_score_batch, self)))
        )


def _score_batch(
    detector: StatesDetector, batch: EncodedBatch, worker: Worker
) -> Float64[Tensor, "B"]:
    return detector.score_states(worker.head_states(batch), worker.model.head)


def detector_class(name: object) -> type[Detector]:
    """The detector of a name.

    **Raises:**

    `OptionError` if there is none.
    """
    kind = DETECTORS.load(name)
    if not (isinstance(kind, type) and issubclass(kind, Detector)):
        wrong = "is no subclass of gradsentry.Detector"
    elif isabstract(kind) or getattr(kind, "name", None) != name:
        wrong = "lacks a method, or has another name than its entry point"
    else:
        return kind
    raise OptionError(
        f"The detector {name} {wrong}.", "Mend or remove the package that declares it."
    )


def make_detector(name: object, /, **options: Any) -> Detector:
    """The detector of a name, with options other than its defaults.

    **Raises:**

    `OptionError` if there is none, or it lacks one of the options.
    """
    kind = detector_class(name)
    known = [field.name for field in fields(kind)]
    for option in options:
        if option not in known:
            raise OptionError(
                f"The detector {name} has no option {option}.",
                f"It has: {', '.join(known) or 'none'}.",
            )
    return kind(**options)
