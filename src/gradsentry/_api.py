"""The public names of the package, imported when the first of them is used."""

from gradsentry.detectors import SpectralOptions, TransferOptions
from gradsentry.detectors.transfer.verdicts import Verdict
from gradsentry.encoding import Boundary, EncodingOptions, Targets
from gradsentry.errors import GradSentryError, InputError, ModelError, OptionError, OutputError
from gradsentry.models import Dtype, LanguageModel, ModelOptions, load_model
from gradsentry.pipeline import (
    BaselineOptions,
    DataOptions,
    Detector,
    Progress,
    ScanOptions,
    ScanResult,
    scan,
)
from gradsentry.thresholds import Threshold

__all__ = [
    "BaselineOptions",
    "Boundary",
    "DataOptions",
    "Detector",
    "Dtype",
    "EncodingOptions",
    "GradSentryError",
    "InputError",
    "LanguageModel",
    "ModelError",
    "ModelOptions",
    "OptionError",
    "OutputError",
    "Progress",
    "ScanOptions",
    "ScanResult",
    "SpectralOptions",
    "Targets",
    "Threshold",
    "TransferOptions",
    "Verdict",
    "load_model",
    "scan",
]
