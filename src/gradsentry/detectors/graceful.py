"""GraCeFul (arXiv 2412.02454): clusters of per-row head gradients in the frequency domain.

The method takes the two-dimensional DCT-II of each row's gradient G (V×d), keeps the first eighth
of its rows and columns, reduces all rows to 32 principal components, standardises them, and flags
the smaller of two clusters (cosine distance, average linkage).

With the factors of G (see `models.head`) and C_n the matrix of the DCT-II of length n,

    C_V G C_dᵀ = (1/T) (E C_Vᵀ)ᵀ (H C_dᵀ),

so the kept block follows from two DCTs of T vectors each, and principal components follow from the
inner products of the blocks: neither the gradient nor the features of all rows need to exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.linalg import get_blas_funcs
from scipy.sparse.linalg import eigsh
from sklearn.cluster import AgglomerativeClustering
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gradsentry.detectors.detection import Detection, FloatArray
from gradsentry.detectors.detector import Detector
from gradsentry.detectors.points import in_smaller
from gradsentry.encoding import EncodedBatch
from gradsentry.errors import InputError
from gradsentry.models import OutputHead, TargetStates
from gradsentry.ragged import offsets_of
from gradsentry.thresholds import CLUSTERS, Threshold
from gradsentry.work.batch_results import fill_table, score_with_copies
from gradsentry.work.engine import Worker
from gradsentry.work.scan_work import ScanWork

MAX_ROWS = 20_000
"""Clustering compares all pairs of rows."""
_KEPT = 8
_COMPONENTS = 32
_FREQUENCIES_AT_ONCE = 128
_ROWS_AT_ONCE = 128


@dataclass(frozen=True, kw_only=True)
class Graceful(Detector):
    """Scores a row by the cluster of head gradients that it is in."""

    name: ClassVar[str] = "graceful"

    @property
    def axis(self) -> str:
        return (
            "Above 0.5 a row is in the smaller of two clusters of head gradients; the distance "
            "from 0.5 says how much nearer it is to its own"
        )

    def detect(self, work: ScanWork) -> Detection:
        if (count := work.rows.stored) > MAX_ROWS:
            raise InputError(
                f"{work.label}: graceful compares all pairs of {count:,} rows, which are too many.",
                f"Use at most {MAX_ROWS:,} rows, or another detector.",
            )
        head = work.model.head
        counts = factor_rows(work.target_tokens, head)
        offsets = offsets_of(counts)
        shape = (int(offsets[-1]), sum(kept_shape(head)))
        factors = work.space.table("factors", shape, np.float32)
        fill_table(work, "factors", factors, offsets, _factors_of)
        finite = np.isfinite(np.add.reduceat(factors.sum(axis=1), offsets[:-1]))
        work.progress.stage("Comparing all pairs of rows", None)
        products = block_products(factors, counts, kept_shape(head)[1])
        scores = score_with_copies(
            work, finite, lambda rows: graceful_scores(products[np.ix_(rows, rows)])
        )
        return Detection(work.of_input_rows(scores))

    def threshold(self, scores: Float64[np.ndarray, "rows"]) -> Threshold:  # noqa: ARG002 (clusters decide)
        return CLUSTERS


def _factors_of(batch: EncodedBatch, worker: Worker) -> Float[Tensor, "M kept"]:
    return block_factors(worker.head_states(batch), worker.model.head)


def kept_shape(head: OutputHead) -> tuple[int, int]:
    """Rows and columns of the kept block."""
    return head.vocab_size // _KEPT, head.hidden_size // _KEPT


def factor_rows(
    target_tokens: Int64[np.ndarray, "rows"], head: OutputHead
) -> Int64[np.ndarray, "rows"]:
    """Rows of the factors that `block_factors` gives for rows of so many targets."""
    counts: NDArray[np.int64] = np.minimum(target_tokens, kept_shape(head)[1])
    return counts


@torch.inference_mode()
def block_factors(states: TargetStates, head: OutputHead) -> Float[Tensor, "M kept"]:
    """Factors of the kept blocks of a batch, one row's after the other.

    V/8 + d/8 numbers each, on the CPU, float32 (float64 for a float64 model): the block of a row
    with factors (A | B) is AᵀB.
    """
    frequencies, columns = kept_shape(head)
    step = head.positions_at_once
    residuals = []
    for start in range(0, len(states.targets), step):
        part = slice(start, start + step)
        whole = head.residuals(states.hidden[part], states.targets[part], head.vocab_size)
        residuals.append(_low_frequencies(whole, frequencies))
    hidden = _low_frequencies(states.hidden, columns)
    counts = states.counts.tolist()
    split = zip(torch.cat(residuals).split(counts), hidden.split(counts), strict=True)
    return torch.cat([_short(own / len(own), seen) for own, seen in split])


def block_products(
    factors: Float[np.ndarray, "M kept"], counts: Int64[np.ndarray, "rows"], columns: int
) -> Float64[np.ndarray, "rows rows"]:
    """Inner products of all pairs of blocks.

    **Arguments:**

    - `factors`: of all rows, one after the other; may lie on disk. Numbers that aren't finite count
        as zero.
    - `counts`: factor rows of each row.
    - `columns`: d/8.
    """
    offsets = offsets_of(counts)
    frequencies = factors.shape[1] - columns
    (syrk,) = get_blas_funcs(("syrk",), dtype=factors.dtype)  # half the work of a full product
    products = np.zeros((len(counts), len(counts)))
    for first in range(0, frequencies, _FREQUENCIES_AT_ONCE):
        last = min(first + _FREQUENCIES_AT_ONCE, frequencies)
        blocks = np.empty((len(counts), (last - first) * columns), factors.dtype)
        for start in range(0, len(counts), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            packed = factors[offsets[start] : offsets[rows][-1] + counts[rows][-1]]
            kept = [packed[:, first:last], packed[:, frequencies:]]
            left, right = (
                pad_sequence(torch.from_numpy(part).split(counts[rows].tolist()), batch_first=True)
                for part in (np.nan_to_num(part, posinf=0.0, neginf=0.0) for part in kept)
            )
            blocks[rows] = (left.mT @ right).flatten(1).numpy()
        products += syrk(1.0, blocks.T, trans=1)  # the upper triangle
    result: FloatArray = np.triu(products) + np.triu(products, 1).T
    return result


def graceful_scores(
    products: Float64[np.ndarray, "rows rows"],
) -> Float64[np.ndarray, "rows"]:
    """The smaller cluster of rows with these inner products: above one half a row is in it.

    The distance from one half is how much nearer, in cosines, a row is to its own cluster's mean.
    """
    components = principal_components(products, _COMPONENTS)
    if components.shape[1] == 0:
        return np.zeros(len(products))  # all rows are the same
    points = StandardScaler().fit_transform(components) + 1e-12  # no point without a direction
    labels = AgglomerativeClustering(2, metric="cosine", linkage="average").fit_predict(points)
    smaller = labels == np.argmin(np.bincount(labels, minlength=2))
    directions = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    near = directions @ (directions[smaller].mean(axis=0) - directions[~smaller].mean(axis=0))
    return in_smaller(smaller, np.abs(near) / 2)


def principal_components(
    products: Float64[np.ndarray, "rows rows"], count: int
) -> Float64[np.ndarray, "rows components"]:
    """Principal components of points by their inner products.

    Fewer than `count` where the points span fewer dimensions.
    """
    means = products.mean(axis=0)
    centred = products - means - means[:, None] + means.mean()
    if np.abs(centred).max() <= 1e-12 * max(float(np.abs(products).max()), 1e-300):
        return np.zeros((len(products), 0))
    count = min(count, len(products) - 1)
    start = np.ones(len(products)) + np.arange(len(products)) / len(products)  # not random
    values, vectors = eigsh(centred, k=count, v0=start)
    kept = values > values.max() * 1e-12
    components: FloatArray = vectors[:, kept] * np.sqrt(values[kept])
    return components


def _low_frequencies(values: Float[Tensor, "N n"], kept: int) -> Float[Tensor, "N kept"]:
    """The first entries of the DCT-II of vectors, in float32 or float64."""
    wide = values if values.dtype == torch.float64 else values.float()
    transformed = dct(wide.cpu().numpy(), type=2, axis=-1, workers=-1)
    return torch.from_numpy(np.ascontiguousarray(transformed[:, :kept]))


def _short(
    residuals: Float[Tensor, "T v"], hidden: Float[Tensor, "T c"]
) -> Float[Tensor, "min(T,c) v+c"]:
    """Factors (A | B) with no more rows than B has columns, and the same product AᵀB."""
    columns = hidden.shape[1]
    if len(hidden) > columns:
        residuals, hidden = hidden.mT @ residuals, torch.eye(columns, dtype=hidden.dtype)
    return torch.cat([residuals, hidden], dim=1)
