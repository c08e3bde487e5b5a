"""Detectors: from head states to one score a row. One file each."""

from gradsentry.detectors.spectral import SpectralOptions, cropped_shape, spectral_scores

__all__ = ["SpectralOptions", "cropped_shape", "spectral_scores"]
