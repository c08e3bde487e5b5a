"""How fast this machine's processor multiplies matrices."""

from __future__ import annotations

import time

import torch

_SIDE = 2048
"""Of the matrices: as in docs/findings/speed.md, where the shares of this rate were measured."""


@torch.inference_mode()
def measure_matrix_rate(dtype: torch.dtype, seconds: float = 2.0) -> float:
    """Operations a second of products of square matrices, on as many threads as torch uses.

    Threads' time on the processor is what counts, so other programs change little.
    """
    matrix = torch.ones(_SIDE, _SIDE, dtype=dtype)
    matrix @ matrix  # the first one prepares what the others use
    products, started, began = 0, time.process_time(), time.monotonic()
    while not products or time.monotonic() < began + seconds:
        matrix @ matrix
        products += 1
    spent = max(time.process_time() - started, 1e-9)
    return 2.0 * _SIDE**3 * products * torch.get_num_threads() / spent
