"""Detectors: rows, and what the output head sees of them, in; scores and findings, out."""

from gradsentry.detectors.detection import (
    NO_GROUP,
    Detection,
    Doubt,
    Findings,
    GroupFinding,
    Limit,
    Recurrence,
    RowFindings,
    TriggerPlace,
    TriggerSpan,
    Verdict,
)
from gradsentry.detectors.detector import Detector, StatesDetector, detector_class, make_detector
from gradsentry.detectors.points import PointsDetector
from gradsentry.detectors.spectral import Spectral
from gradsentry.detectors.spectral_signatures import SpectralSignatures
from gradsentry.detectors.transfer.transfer import Transfer

__all__ = [
    "NO_GROUP",
    "Detection",
    "Detector",
    "Doubt",
    "Findings",
    "GroupFinding",
    "Limit",
    "PointsDetector",
    "Recurrence",
    "RowFindings",
    "Spectral",
    "SpectralSignatures",
    "StatesDetector",
    "Transfer",
    "TriggerPlace",
    "TriggerSpan",
    "Verdict",
    "detector_class",
    "make_detector",
]
