"""Detectors: what the output head sees of the rows, in; scores, out."""

from gradsentry.detectors.spectral import SpectralOptions, cropped_shape, spectral_scores
from gradsentry.detectors.transfer import TransferOptions

__all__ = ["SpectralOptions", "TransferOptions", "cropped_shape", "spectral_scores"]
