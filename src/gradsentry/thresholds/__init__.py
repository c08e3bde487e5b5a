"""Thresholds: from scores to a decision."""

from gradsentry.thresholds.kde_valley import CLUSTERS, FALLBACK, Threshold, kde_valley

__all__ = ["CLUSTERS", "FALLBACK", "Threshold", "kde_valley"]
