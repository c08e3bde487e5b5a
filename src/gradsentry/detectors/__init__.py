"""Detectors: from head states to one score a row. One file each."""

from gradsentry.detectors.spectral import SpectralOptions, spectral_scores

__all__ = ["SpectralOptions", "spectral_scores"]
