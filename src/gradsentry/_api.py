"""The public names of the package, imported when the first of them is used."""

from gradsentry.detectors import (
    Detector,
    Spectral,
    SpectralSignatures,
    StatesDetector,
    Transfer,
    Verdict,
    make_detector,
)
from gradsentry.encoding import Boundary, EncodingOptions, LongText, Targets
from gradsentry.errors import GradSentryError, InputError, ModelError, OptionError, OutputError
from gradsentry.models import Dtype, LanguageModel, ModelOptions, Quantize, load_model
from gradsentry.outputs import Format
from gradsentry.outputs.verification import VerifiedResults, verify_results
from gradsentry.pipeline import scan
from gradsentry.records.data_options import DataOptions
from gradsentry.report import ScanReport
from gradsentry.report.load_report import load
from gradsentry.review import apply_decisions
from gradsentry.scan_options import ScanOptions
from gradsentry.thresholds import Threshold
from gradsentry.verification import ModelVerification, VerifyOptions, verify_model
from gradsentry.work.engine_options import EngineKind, EngineOptions
from gradsentry.work.progress import Progress

__all__ = [
    "Boundary",
    "DataOptions",
    "Detector",
    "Dtype",
    "EncodingOptions",
    "EngineKind",
    "EngineOptions",
    "Format",
    "GradSentryError",
    "InputError",
    "LanguageModel",
    "LongText",
    "ModelError",
    "ModelOptions",
    "ModelVerification",
    "OptionError",
    "OutputError",
    "Progress",
    "Quantize",
    "ScanOptions",
    "ScanReport",
    "Spectral",
    "SpectralSignatures",
    "StatesDetector",
    "Targets",
    "Threshold",
    "Transfer",
    "Verdict",
    "VerifiedResults",
    "VerifyOptions",
    "apply_decisions",
    "load",
    "load_model",
    "make_detector",
    "scan",
    "verify_model",
    "verify_results",
]
