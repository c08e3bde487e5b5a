"""Points that detectors compare."""

from __future__ import annotations

import numpy as np


def planted(rows: int = 200, poisoned: int = 20) -> np.ndarray:
    """Points with a shifted group."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(rows, 30))
    points[:poisoned] += 3.0
    return points
