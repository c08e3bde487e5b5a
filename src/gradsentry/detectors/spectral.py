"""The paper's detector: spectral entropy of the output head's per-row gradient.

GradSentry (arXiv 2605.26574) takes G = ∂loss/∂W of the head's weight W (V×d), crops it to
G[:V//8, :d//8], and scores a row by the normalised entropy of the largest 16 singular values.
Here neither a backward pass nor G is needed. With the factors of G (see `models.head`),

    G = (1/T) EᵀH,  E (T×v),  H (T×c)  after cropping v = V//8 columns and c = d//8 columns,

the non-zero singular values of G are those of a T×T product of square roots of the Gram matrices
EEᵀ and HHᵀ, or, where T > c, the square roots of the eigenvalues of the c×c matrix HᵀEEᵀH / T².
Rows of zeros in E and H change neither, so rows of a batch are padded with them.

The score largely measures the length of the answer: G has rank at most T. See docs/findings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gradsentry.errors import OptionError
from gradsentry.models import ModuleFactors, OutputHead, TargetStates

_FLOOR = 1e-12  # the paper's lower bound for singular values

# Bytes for logits and for padded residuals, except where a single row needs more. Bounds memory,
# not results.
_CHUNK_BYTES = 128 << 20
_VOCAB_CHUNK = 4096


HEAD = "lm_head"


@dataclass(frozen=True, kw_only=True)
class SpectralOptions:
    """The paper's settings by default."""

    crop: int = 8
    """Keep the first V//crop rows and d//crop columns of the gradient; 1 keeps all."""
    singular_values: int = 16
    """How many of the largest singular values the entropy is taken over (the paper's k)."""
    target_module: str = HEAD
    """The module whose gradient is scored (the paper's Table 7): the output head, or another linear
    module, such as `last.mlp.down_proj` (see `models.linear_module`)."""

    def __post_init__(self) -> None:
        if self.crop < 1:
            raise OptionError("--crop must be at least 1.", "The paper's value is 8.")
        if self.singular_values < 2:
            raise OptionError("k must be at least 2.", "The paper's value is 16.")


@torch.inference_mode()
def spectral_scores(
    states: TargetStates, head: OutputHead, options: SpectralOptions = SpectralOptions()
) -> Tensor:
    """Normalised spectral entropy H̄ of every row of a batch.

    Shape (B,), float64, in [0, 1], higher is more suspicious; NaN where the model's numbers
    aren't finite.
    """
    vocab_columns, hidden_columns = cropped_shape((head.vocab_size, head.hidden_size), options)
    scores = torch.empty(len(states.counts), dtype=torch.float64)
    ends = states.counts.cumsum(0)
    for group in _row_groups(states.counts, vocab_columns):
        index = torch.cat(
            [torch.arange(int(ends[row] - states.counts[row]), int(ends[row])) for row in group]
        ).to(states.hidden.device)
        hidden, targets = states.hidden[index], states.targets[index]
        residuals = _residuals(head, hidden, targets, vocab_columns)
        counts = states.counts[group]
        scores[group] = _entropy_of_finite(
            _padded(residuals, counts),
            _padded(hidden[:, :hidden_columns].to(residuals.dtype), counts),
            counts.to(residuals.device),
            options.singular_values,
        )
    return scores


@torch.no_grad()
def module_spectral_scores(factors: ModuleFactors, options: SpectralOptions) -> Tensor:
    """H̄ of every row of a batch from the gradient of another module than the head.

    Shape (B,), float64, as in `spectral_scores`. One row at a time: all positions of a row count,
    not its targets alone.
    """
    rows, columns = cropped_shape((factors.gradients.shape[-1], factors.inputs.shape[-1]), options)
    exact = torch.float64 if factors.inputs.dtype == torch.float64 else torch.float32
    scores = [
        _entropy_of_finite(
            gradients[:, :length, :rows].to(exact),
            inputs[:, :length, :columns].to(exact),
            torch.tensor([length], device=inputs.device),
            options.singular_values,
        )
        for gradients, inputs, length in zip(
            factors.gradients.split(1),
            factors.inputs.split(1),
            factors.counts.tolist(),
            strict=True,
        )
    ]
    return torch.cat(scores)


def cropped_shape(shape: tuple[int, int], options: SpectralOptions) -> tuple[int, int]:
    """Rows and columns of a gradient of that shape (out, in) when it is cropped.

    **Raises:**

    `OptionError` if too few are left for the number of singular values.
    """
    rows, columns = (size // options.crop for size in shape)
    if min(rows, columns) < options.singular_values:
        raise OptionError(
            f"--crop {options.crop} leaves {rows}×{columns} of this model's gradient; "
            f"{options.singular_values} singular values are needed.",
            f"Use at most --crop {min(shape) // options.singular_values}.",
        )
    return rows, columns


def _entropy_of_finite(residuals: Tensor, hidden: Tensor, counts: Tensor, k: int) -> Tensor:
    """H̄ of padded factors (B, T, v) and (B, T, c); NaN for rows that have none."""
    if residuals.device.type == "mps":  # Apple's GPUs have no float64
        residuals, hidden, counts = residuals.cpu(), hidden.cpu(), counts.cpu()
    # The decompositions fail on such rows, and would take the rest of the batch with them.
    finite = residuals.isfinite().all(-1).all(-1) & hidden.isfinite().all(-1).all(-1)
    entropy = torch.full((len(finite),), math.nan, dtype=torch.float64)
    if finite.any():
        entropy[finite.cpu()] = _entropy(residuals[finite], hidden[finite], counts[finite], k)
    return entropy


def _entropy(residuals: Tensor, hidden: Tensor, counts: Tensor, k: int) -> Tensor:
    """H̄ of finite padded factors; NaN for a row whose decomposition doesn't converge."""
    try:
        return spectral_entropy(gradient_singular_values(residuals, hidden, counts), k).cpu()
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        if len(counts) == 1:
            return torch.full((1,), math.nan, dtype=torch.float64)
        rows = zip(residuals.split(1), hidden.split(1), counts.split(1), strict=True)
        return torch.cat([_entropy(*row, k) for row in rows])


def gradient_singular_values(residuals: Tensor, hidden: Tensor, counts: Tensor) -> Tensor:
    """Singular values of EᵀH for a batch of factors E (B, T, v) and H (B, T, c).

    **Arguments:**

    - `counts`: shape (B,), rows of the factors that are no padding.

    Shape (B, min(T, c)), float64, largest first, up to a constant factor of T that the entropy
    doesn't see. The Gram matrices are float64, since a singular value is only known to the square
    root of their precision.
    """
    hidden = hidden.double()
    targets, columns = hidden.shape[1:]
    size = min(targets, columns)
    gram = torch.zeros(len(hidden), size, size, dtype=torch.float64, device=hidden.device)
    # In chunks of the vocabulary: no copy of E in float64, and no gradient of its full size.
    for chunk in residuals.split(_VOCAB_CHUNK, dim=-1):
        wide = chunk.double()
        factor = wide if targets <= columns else hidden.mT @ wide
        gram.baddbmm_(factor, factor.mT)
    if targets <= columns:
        values = torch.linalg.svdvals(_square_root(gram) @ _square_root(hidden @ hidden.mT).mT)
    else:
        values = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt().flip(-1)
    # A row's rank is at most its number of targets; what lies behind is rounding.
    beyond_rank = torch.arange(size, device=values.device) >= counts.unsqueeze(-1)
    bounded: Tensor = values.masked_fill(beyond_rank, 0.0)
    return bounded


def spectral_entropy(values: Tensor, k: int) -> Tensor:
    """Entropy of the k largest of singular values (B, r), divided by log k (the paper's H̄).

    Shape (B,). Fewer than k values count as if the rest were zero; NaN where all are, since then
    there is no gradient whose spectrum could be judged.
    """
    top = torch.zeros(*values.shape[:-1], k, dtype=values.dtype, device=values.device)
    count = min(k, values.shape[-1])
    top[..., :count] = values[..., :count]
    weights = top.clamp_min(_FLOOR)
    weights = weights / weights.sum(-1, keepdim=True)
    entropy: Tensor = -(weights * weights.log()).sum(-1) / math.log(k)
    return entropy.masked_fill(top[..., 0] <= _FLOOR, math.nan)


def _square_root(gram: Tensor) -> Tensor:
    """F with FᵀF = the positive semidefinite `gram` (B, T, T)."""
    values, vectors = torch.linalg.eigh(gram)
    root: Tensor = values.clamp_min(0).sqrt().unsqueeze(-1) * vectors.mT
    return root


def _residuals(head: OutputHead, hidden: Tensor, targets: Tensor, columns: int) -> Tensor:
    """E for packed target positions, with bounded logits. Shape (N, columns)."""
    step = head.positions_at_once
    return torch.cat(
        [
            head.residuals(hidden[start : start + step], targets[start : start + step], columns)
            for start in range(0, len(targets), step)
        ]
    )


def _row_groups(counts: Tensor, columns: int) -> Iterator[Tensor]:
    """Rows of similar target counts, few enough for their padded residuals to fit the bound."""
    order = torch.argsort(counts, descending=True, stable=True)
    start = 0
    while start < len(order):
        longest = int(counts[order[start]])
        size = max(1, _CHUNK_BYTES // (longest * columns * 4))
        yield order[start : start + size]
        start += size


def _padded(packed: Tensor, counts: Tensor) -> Tensor:
    """Packed rows (N, w) as (B, T, w), with rows of zeros behind each row's end."""
    longest = int(counts.max())
    filled = torch.arange(longest) < counts.unsqueeze(-1)
    padded = packed.new_zeros(len(counts), longest, packed.shape[-1])
    padded[filled.to(packed.device)] = packed
    return padded
