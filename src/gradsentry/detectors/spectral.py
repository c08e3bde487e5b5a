"""The paper's detector: spectral entropy of the output head's per-row gradient.

GradSentry (arXiv 2605.26574) takes G = ∂loss/∂W of the head's weight W (V×d), crops it to
G[:V//8, :d//8], and scores a row by the normalised entropy of the largest 16 singular values.
Here neither a backward pass nor G is needed. With the factors of G (see `models.head`),

    G = (1/T) EᵀH,  E (T×v),  H (T×c)  after cropping v = V//8 columns and c = d//8 columns,

the squares of G's non-zero singular values are the eigenvalues of the c×c matrix HᵀEEᵀH / T², or,
where T < c, of the T×T matrix R EEᵀ Rᵀ / T² with the triangle R of the QR decomposition of Hᵀ.
The factor T changes no entropy and is left out.

The score largely measures the length of the answer: G has rank at most T. See docs/findings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from jaxtyping import Float, Float64, Integer
from torch import Tensor, nn

from gradsentry.detectors.detection import Detection, FloatArray
from gradsentry.detectors.detector import StatesDetector
from gradsentry.encoding import EncodedBatch
from gradsentry.errors import OptionError
from gradsentry.models import (
    LanguageModel,
    ModuleFactors,
    OutputHead,
    TargetStates,
    linear_module,
    module_factors,
)
from gradsentry.ragged import offsets_of, spread
from gradsentry.work.batch_results import compute_numbers
from gradsentry.work.engine import Worker
from gradsentry.work.scan_work import ScanWork

_FLOOR = 1e-12  # the paper's lower bound for singular values

# Bytes for residuals, except where a single row needs more, and float64 numbers of a part of them.
# They bound memory, not results. A GPU waits for each part's decompositions, so it gets few.
_CHUNK_BYTES, _CHUNK_BYTES_ACCELERATOR = 32 << 20, 256 << 20
_CHUNK_NUMBERS = 1 << 20

HEAD = "lm_head"


@dataclass(frozen=True, kw_only=True)
class Spectral(StatesDetector):
    """Scores a row by the spectral entropy of its gradient; the paper's settings by default."""

    name: ClassVar[str] = "spectral"
    caveat: ClassVar[str] = (
        "The spectral score ranks rows within this data set; it can't tell that there is no "
        "poison, and it rises with the length of the answer. Read the flagged rows before you act "
        "on them."
    )

    crop: Annotated[int, Ge(1)] = 8
    """Keep the first V//crop rows and d//crop columns of the gradient; 1 keeps all."""
    singular_values: Annotated[int, Ge(2)] = 16
    """How many of the largest singular values the entropy is taken over (the paper's k)."""
    target_module: str = HEAD
    """The module whose gradient is scored (the paper's Table 7): the output head, or another linear
    module, such as `last.mlp.down_proj` (see `models.linear_module`)."""

    @property
    def needs_backward(self) -> bool:
        return self.target_module != HEAD

    @property
    def axis(self) -> str:
        return f"Spectral entropy of the gradient of {self.target_module}, one value a row"

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        gradient = f"of {self.target_module}, crop 1/{self.crop}, k = {self.singular_values}"
        return (("Gradient", gradient),)

    @property
    def moves_by_rounding(self) -> bool:
        return True

    def check_model(self, model: LanguageModel) -> None:
        """Refuse a module that isn't there, and a crop that leaves too little of its gradient."""
        weight = model.head.weight
        if self.needs_backward:
            own = linear_module(model, self.target_module).weight
            assert isinstance(own, Tensor)
            weight = own
        cropped_shape((weight.shape[0], weight.shape[1]), self)

    def score_states(self, states: TargetStates, head: OutputHead) -> Float64[Tensor, "B"]:
        return spectral_scores(states, head, self)

    def detect(self, work: ScanWork) -> Detection:
        if not self.needs_backward:
            return super().detect(work)
        return Detection(
            work.of_input_rows(compute_numbers(work, "scores", partial(_score_module, self)))
        )

    def highest_scores(
        self, target_tokens: Integer[np.ndarray, "rows"]
    ) -> Float64[np.ndarray, "rows"]:
        """The head's gradient has at most the rank T, the number of targets: H̄ ≤ log min(T, k) /
        log k. Those of other modules sum over all positions, and have no such bound."""
        if self.needs_backward:
            return super().highest_scores(target_tokens)
        k = self.singular_values
        most: FloatArray = np.log(np.clip(target_tokens, 1, k)) / np.log(k)
        return most


def _score_module(options: Spectral, batch: EncodedBatch, worker: Worker) -> Float64[Tensor, "B"]:
    """Scores from the gradients of the module that the options name."""
    module = linear_module(worker.model, options.target_module)
    return module_spectral_scores(module_factors(worker.model, batch, module), options)


@torch.inference_mode()
def spectral_scores(
    states: TargetStates, head: OutputHead, options: Spectral = Spectral()
) -> Float64[Tensor, "B"]:
    """Normalised spectral entropy H̄ of every row of a batch.

    In [0, 1], higher is more suspicious; NaN where the model's numbers aren't finite.
    """
    vocab_columns, hidden_columns = cropped_shape((head.vocab_size, head.hidden_size), options)
    on_cpu = states.hidden.device.type == "cpu"
    bound = _CHUNK_BYTES if on_cpu else _CHUNK_BYTES_ACCELERATOR
    most = head.targets_within(bound, vocab_columns)
    # Rows of equally many targets are decomposed together, so they come one after the other.
    order = states.counts.argsort(stable=True)
    places = spread(offsets_of(states.counts.numpy()), order.numpy())
    hidden = states.hidden[torch.from_numpy(places)]
    targets = states.targets[torch.from_numpy(places)]
    cropped = hidden[:, :hidden_columns].to(head.weight.dtype)
    counts = states.counts[order]
    offsets = offsets_of(counts.numpy()).tolist()
    found = []
    for first, last in pairwise(_row_borders(offsets, most)):
        part = slice(offsets[first], offsets[last])
        residuals = head.residuals(hidden[part], targets[part], vocab_columns)
        shapes = torch.stack(counts[first:last].unique_consecutive(return_counts=True), dim=1)
        sizes = shapes.prod(1).tolist()
        for (count, rows), own, states_of in zip(
            shapes.tolist(), residuals.split(sizes), cropped[part].split(sizes), strict=True
        ):
            shape = rows, count
            found.append(_scores(own.unflatten(0, shape), states_of.unflatten(0, shape), options))
    scores = torch.empty(len(order), dtype=torch.float64)
    scores[order] = torch.cat(found)
    return scores


@torch.no_grad()
def module_spectral_scores(factors: ModuleFactors, options: Spectral) -> Float64[Tensor, "B"]:
    """H̄ of every row of a batch from the gradient of another module than the head.

    As in `spectral_scores`, but all positions of a row count, not its targets alone.
    """
    rows, columns = cropped_shape((factors.gradients.shape[-1], factors.inputs.shape[-1]), options)
    exact = torch.float64 if factors.inputs.dtype == torch.float64 else torch.float32
    scores = [
        _scores(
            gradients[None, :length, :rows].to(exact),
            inputs[None, :length, :columns].to(exact),
            options,
        )
        for gradients, inputs, length in zip(
            factors.gradients, factors.inputs, factors.counts.tolist(), strict=True
        )
    ]
    return torch.cat(scores)


def cropped_shape(shape: tuple[int, int], options: Spectral) -> tuple[int, int]:
    """Rows and columns of a gradient of that shape (out, in) when it is cropped.

    **Raises:**

    `OptionError` if too few are left for the number of singular values.
    """
    rows, columns = (size // options.crop for size in shape)
    if min(rows, columns) < options.singular_values:
        raise OptionError(
            f"A `crop` of {options.crop} leaves {rows}×{columns} of this model's gradient; "
            f"{options.singular_values} singular values are needed.",
            f"Use a `crop` of at most {min(shape) // options.singular_values}.",
        )
    return rows, columns


def _scores(
    residuals: Float[Tensor, "B T v"], hidden: Float[Tensor, "B T c"], options: Spectral
) -> Float64[Tensor, "B"]:
    """H̄ of rows from their factors; NaN where one has none."""
    try:
        return spectral_entropy(
            gradient_singular_values(residuals, hidden), options.singular_values
        )
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        if len(residuals) == 1:
            return torch.full((1,), math.nan, dtype=torch.float64)
        alone = zip(residuals.split(1), hidden.split(1), strict=True)
        return torch.cat([_scores(*factors, options) for factors in alone])


def gradient_singular_values(
    residuals: Float[Tensor, "B T v"], hidden: Float[Tensor, "B T c"]
) -> Float64[Tensor, "B min(T,c)"]:
    """Singular values of EᵀH for B rows' factors E and H.

    On the CPU, largest first; NaN where a row's factors aren't finite. Squares of singular values
    are known to float64's precision, so the values to its square root.
    """
    rows, targets, columns = hidden.shape
    on_cpu = torch.device("cpu")
    if residuals.device.type == "mps":  # Apple's GPUs have no float64
        residuals, hidden = residuals.cpu(), hidden.cpu()
    wide_hidden = hidden.double() if targets > columns else None
    size = min(targets, columns)
    gram = torch.zeros(rows, size, size, dtype=torch.float64, device=hidden.device)
    # In chunks of the vocabulary: no copy of E in float64, and no gradient of its full size.
    for chunk in residuals.split(max(1, _CHUNK_NUMBERS // (rows * targets)), dim=-1):
        wide = chunk.double()
        factor = wide if wide_hidden is None else wide_hidden.mT @ wide
        gram.baddbmm_(factor, factor.mT)
    # Decompositions of so small matrices are faster on the CPU.
    gram, hidden = gram.to(on_cpu), hidden.to(on_cpu).double()
    finite = gram.isfinite().all(-1).all(-1) & hidden.isfinite().all(-1).all(-1)
    gram[~finite], hidden[~finite] = 0.0, 0.0
    if targets <= columns:
        # H = RᵀQᵀ with orthonormal Q, so the eigenvalues of GᵀG are those of R EEᵀ Rᵀ.
        _, triangle = torch.linalg.qr(hidden.mT, mode="r")
        gram = triangle @ gram @ triangle.mT
    values: Tensor = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt().flip(-1)
    return values.masked_fill(~finite.unsqueeze(-1), math.nan)


def spectral_entropy(values: Float[Tensor, "*rows r"], k: int) -> Float[Tensor, "*rows"]:
    """Entropy of the k largest of r singular values, divided by log k (the paper's H̄).

    Fewer than k values count as if the rest were zero; NaN where all are, since then there is no
    gradient whose spectrum could be judged.
    """
    top = nn.functional.pad(values[..., :k], (0, max(0, k - values.shape[-1])))
    weights = top.clamp_min(_FLOOR)
    weights = weights / weights.sum(-1, keepdim=True)
    entropy: Tensor = -(weights * weights.log()).sum(-1) / math.log(k)
    return entropy.masked_fill(top[..., 0] <= _FLOOR, math.nan)


def _row_borders(offsets: list[int], most: int) -> list[int]:
    """Where to cut rows so that no part has more targets than `most`, unless one row has."""
    borders = [0]
    for row in range(1, len(offsets)):
        if offsets[row] - offsets[borders[-1]] > most:
            borders.append(max(row - 1, borders[-1] + 1))
    return [*borders, len(offsets) - 1] if borders[-1] < len(offsets) - 1 else borders
