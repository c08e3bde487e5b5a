"""Thresholds: from scores to a decision."""

from gradsentry.thresholds.kde_valley import FALLBACK, Threshold, kde_valley

__all__ = ["FALLBACK", "Threshold", "kde_valley"]
