"""Everything that decides what a scan computes; written to `config.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gradsentry._choices import check_options, check_seed
from gradsentry.detectors import SpectralOptions, TransferOptions
from gradsentry.encoding import EncodingOptions
from gradsentry.errors import OptionError
from gradsentry.models import ModelOptions


class Detector(StrEnum):
    """How rows are scored."""

    TRANSFER = "transfer"
    """What the rest of the data teaches about a row, and what its prompt has to do with it."""
    SPECTRAL = "spectral"
    """Spectral entropy of the output head's gradient, as in the paper."""
    GRACEFUL = "graceful"
    """Baseline: clusters of head gradients in the frequency domain."""
    SPECTRAL_SIGNATURES = "spectral-signatures"
    """Baseline: outliers along the representations' first principal direction."""
    ACTIVATION_CLUSTERING = "activation-clustering"
    """Baseline: the smaller of two clusters of representations."""
    CUBE = "cube"
    """Baseline: rows outside the largest dense cluster of representations. As published those of a
    model that was tuned on the data before."""
    PERPLEXITY = "perplexity"
    """Baseline: the base model's perplexity of the response."""
    ONION = "onion"
    """Baseline: how much one word of the prompt disturbs its perplexity."""
    LENGTH = "length"
    """Baseline: the number of target tokens."""
    RECURRENCE = "recurrence"
    """Baseline: the commonest string of six words in the responses; needs no model."""


CLUSTERING = (
    Detector.GRACEFUL,
    Detector.SPECTRAL_SIGNATURES,
    Detector.ACTIVATION_CLUSTERING,
    Detector.CUBE,
    Detector.RECURRENCE,
)
"""Detectors that decide by comparing rows: a score above one half is a flagged row."""


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Which rows to read, and which columns mean what."""

    subset: str | None = None
    """Configuration of a data set that has several."""
    split: str | None = None
    """Split of a data set that has several; `train` if there is one."""
    prompt_column: str | None = None
    """Column with the prompt; needs `response_column`."""
    prompt_template: str | None = None
    """Prompt text with column names in braces; needs `response_column`."""
    response_column: str | None = None
    """Column with the response."""
    label_column: str | None = None
    """Column that is 1 or true for rows known to be poisoned; for measuring only."""

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class BaselineOptions:
    """What the baselines need to be told."""

    expected_ratio: float = 0.1
    """Spectral signatures: the part of the rows that is poisoned, which the method must know."""
    seed: int = 0
    """Activation clustering and CUBE: where their clusters and coordinates start."""

    def __post_init__(self) -> None:
        check_options(self)
        check_seed(self.seed)
        if not 0 < self.expected_ratio < 1:
            raise OptionError("--expected-ratio must be in (0, 1).", "The default is 0.1.")


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """Options of a scan, grouped by the room that reads them."""

    data: DataOptions = field(default_factory=DataOptions)
    encoding: EncodingOptions = field(default_factory=EncodingOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    detector: Detector = Detector.TRANSFER
    """How rows are scored."""
    transfer: TransferOptions = field(default_factory=TransferOptions)
    spectral: SpectralOptions = field(default_factory=SpectralOptions)
    baselines: BaselineOptions = field(default_factory=BaselineOptions)
    threshold: float | None = None
    """Flag rows with a score above this. None decides by the evidence (`transfer`), by clusters, or
    finds the threshold from the scores, as each detector does."""
    batch_tokens: int | None = None
    """Tokens computed at once: distinct ones where the model can share prefixes, else with padding.
    Bounds memory. None chooses by device."""

    def __post_init__(self) -> None:
        check_options(self)
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise OptionError(f"--threshold {self.threshold} is not in [0, 1].", "Scores are.")
        if self.batch_tokens is not None and self.batch_tokens < 1:
            raise OptionError("--batch-tokens must be at least 1.", "Leave it out for the default.")
