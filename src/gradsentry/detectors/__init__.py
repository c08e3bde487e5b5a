"""Detectors: what the output head sees of the rows, in; scores, out."""

from gradsentry.detectors.spectral import SpectralOptions
from gradsentry.detectors.transfer.options import TransferOptions

__all__ = ["SpectralOptions", "TransferOptions"]
