"""Cross-fitted gradient transfer: what the rest of the data teaches about a row.

A backdoor is content that the base model doesn't expect and that other rows teach. Both are
measured by gradient steps on the output head that never see the row itself: rows fall into two
folds, and for each fold a correction to the logits is fitted on the other one,

    z′ = z_R + D·ĥ + b,    z_R = logits of the R tokens that occur as targets, ĥ = h / ‖h‖

with the rest of the vocabulary as one constant log-mass. The gain of a target token is

    g = nll_base − nll_corrected = (D·ĥ + b)_y − (lse′ − lse)    [nats, held out]

and a row's score is the largest sum of g − 1 over a contiguous span of its targets. The span is
the payload.

One epoch of AdamW is enough and more is worse: the correction soon learns single answers by heart
(docs/findings/transfer.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from gradsentry.detectors.transfer.folds import FOLDS
from gradsentry.models import OutputHead

_LEARNING_RATE = 0.05
STEP_TOKENS = 512
MIN_STEPS = 40
"""A fold of 450 tokens is a single step an epoch, and a single step learns nothing."""
MAX_VOCABULARY = 16384
MAX_WIDTH = 1024
"""Of the hidden states that corrections are fitted to."""
_LOGIT_BYTES = 4 << 20
"""For logits on the R tokens at once."""


class HiddenStates(Protocol):
    """N hidden states of size d: a tensor, or what reads them from a disk when it is asked."""

    def __getitem__(self, positions: Tensor | slice, /) -> Float[Tensor, "M d"]:
        """Those at some positions, given as a mask (N,), as indices or as a slice."""
        ...


@dataclass(frozen=True, eq=False)
class FitStates:
    """What corrections are fitted on: N target positions of the rows chosen for it, on the CPU."""

    hidden: HiddenStates
    """Final hidden states (N, d)."""
    targets: Int[Tensor, "N"]
    """Target token ids."""
    log_mass: Float[Tensor, "N"]
    """Log-sum-exp of the base logits over the whole vocabulary."""
    folds: Int[Tensor, "N"]
    """The fold of the row that a position belongs to; -1 for rows to leave out."""

    @staticmethod
    def joined(parts: Sequence[FitStates]) -> FitStates:
        """The states of several sets of rows, one after the other."""
        return FitStates(
            torch.cat([part.hidden[:] for part in parts]),
            torch.cat([part.targets for part in parts]),
            torch.cat([part.log_mass for part in parts]),
            torch.cat([part.folds for part in parts]),
        )

    def take(self, positions: Tensor) -> FitStates:
        """The states at some positions, given as a mask (N,) or as indices."""
        return FitStates(
            self.hidden[positions],
            self.targets[positions],
            self.log_mass[positions],
            self.folds[positions],
        )


@dataclass(frozen=True, eq=False)
class Correction:
    """A fitted correction to an output head's logits on the tokens that the data teach."""

    head: OutputHead
    """The head cut down to R tokens."""
    places: Int[Tensor, "V"]
    """A token's place among the R, or -1."""
    projection: Float[Tensor, "d p"] | None
    """Where hidden states are too wide to fit on; else p is d."""
    weight: Float[Tensor, "R p"]
    """D."""
    bias: Float[Tensor, "R"]
    """b."""

    def to(self, device: torch.device) -> Correction:
        """The same on a device."""
        if self.bias.device == device:
            return self
        return replace(
            self,
            head=self.head.to(device),
            places=self.places.to(device),
            projection=None if self.projection is None else self.projection.to(device),
            weight=self.weight.to(device),
            bias=self.bias.to(device),
        )

    @property
    def positions_at_once(self) -> int:
        """Positions whose logits on the R tokens stay small."""
        return max(1, _LOGIT_BYTES // (len(self.bias) * self.bias.element_size()))

    @torch.inference_mode()
    def gains(
        self,
        hidden: Float[Tensor, "N d"],
        targets: Int[Tensor, "N"],
        log_mass: Float[Tensor, "N"],
    ) -> Float[Tensor, "N"]:
        """Nats gained on each of N targets; 0 for tokens that the fitting rows never have."""
        directions = _directions(hidden, self.projection)
        correction = torch.addmm(self.bias, directions, self.weight.T)
        _, total = self._corrected(hidden, correction, log_mass)
        place = self.places[targets]
        own = correction.gather(1, place.clamp_min(0).unsqueeze(1)).squeeze(1)
        return torch.where(place >= 0, own - (total - log_mass), 0.0)

    @torch.inference_mode()
    def gradient_factors(
        self,
        hidden: Float[Tensor, "N d"],
        places: Int[Tensor, "N"],
        log_mass: Float[Tensor, "N"],
    ) -> tuple[Float[Tensor, "N R"], Float[Tensor, "N p"]]:
        """The two factors of the gradient of N targets' summed cross-entropy.

        **Arguments:**

        - `places`: the targets' places among the R tokens; none is -1.

        Probabilities minus one-hot targets, and the directions of the hidden states: the gradient
        of D is the transposed of the one times the other, that of b the sum of the one over N.
        """
        directions = _directions(hidden, self.projection)
        correction = torch.addmm(self.bias, directions, self.weight.T)
        logits, total = self._corrected(hidden, correction, log_mass)
        residuals = logits.sub_(total.unsqueeze(1)).exp_()
        residuals[torch.arange(len(places), device=places.device), places] -= 1.0
        return residuals.to(directions.dtype), directions

    def _corrected(
        self,
        hidden: Float[Tensor, "N d"],
        correction: Float[Tensor, "N R"],
        log_mass: Float[Tensor, "N"],
    ) -> tuple[Float[Tensor, "N R"], Float[Tensor, "N"]]:
        """Corrected logits of the R tokens, and the log-mass of all with them."""
        logits = self.head.logits(hidden)
        rest = _rest_of_mass(logits, log_mass)
        logits.add_(correction)
        return logits, torch.logaddexp(torch.logsumexp(logits, dim=-1), rest)


def fit_correction(
    states: FitStates, fold: int, head: OutputHead, seed: int, max_width: int = MAX_WIDTH
) -> Correction:
    """The correction for a fold's rows, fitted on those of the other folds.

    **Arguments:**

    - `seed`: orders the steps, and draws the projection where there is one.
    - `max_width`: hidden states wider than this are projected to it.
    """
    correction = _blank(states, head, _projection(head, seed, max_width))
    places = correction.places.cpu()[states.targets]
    fit = ((states.folds >= 0) & (states.folds != fold) & (places >= 0)).nonzero().squeeze(-1)
    weight, bias = correction.weight, correction.bias  # changed by each step
    weight.grad, bias.grad = torch.zeros_like(weight), torch.zeros_like(bias)
    optimizer = torch.optim.AdamW([weight, bias], lr=_LEARNING_RATE, weight_decay=0.0, fused=True)
    generator = torch.Generator().manual_seed(seed * FOLDS + fold)
    steps = max(1, math.ceil(len(fit) / STEP_TOKENS))
    for _ in range(math.ceil(MIN_STEPS / steps) if len(fit) else 0):
        order = fit[torch.randperm(len(fit), generator=generator)]
        for chunk in order.split(STEP_TOKENS):
            optimizer.zero_grad(set_to_none=False)
            for part in chunk.split(correction.positions_at_once):
                read = (states.hidden[part], places[part], states.log_mass[part])
                residuals, directions = correction.gradient_factors(
                    *(each.to(weight.device) for each in read)
                )
                weight.grad.addmm_(residuals.T, directions, alpha=1 / len(chunk))
                bias.grad.add_(residuals.sum(0), alpha=1 / len(chunk))
            optimizer.step()
    weight.grad = bias.grad = None
    return correction


def fold_gains(states: FitStates, fold: int, correction: Correction) -> Float32[np.ndarray, "M"]:
    """Gains of the M states of a fold by its correction, in their order."""
    own = (states.folds == fold).nonzero().squeeze(-1)
    device = correction.bias.device
    gains = np.empty(len(own), np.float32)
    for first in range(0, len(own), correction.positions_at_once):
        part = own[first : first + correction.positions_at_once]
        read = (states.hidden[part], states.targets[part], states.log_mass[part])
        found = correction.gains(*(each.to(device) for each in read))
        gains[first : first + len(part)] = found.cpu().numpy()
    return gains


def held_out_gains(
    states: FitStates,
    fitted_on: FitStates,
    head: OutputHead,
    seed: int,
    max_width: int = MAX_WIDTH,
) -> Float32[np.ndarray, "N"]:
    """Gains of states, each by the correction that hasn't seen its row.

    In nats; NaN for rows that are in no fold. Arguments as in `fit_correction`.
    """
    gains = np.full(len(states.targets), np.nan, np.float32)
    for fold in range(FOLDS):
        own = (states.folds == fold).numpy()
        correction = fit_correction(fitted_on, fold, head, seed, max_width)
        gains[own] = fold_gains(states, fold, correction)
    return gains


def _blank(
    states: FitStates, head: OutputHead, projection: Float[Tensor, "d p"] | None
) -> Correction:
    """The correction that changes nothing, on the tokens that occur as targets."""
    tokens, counts = torch.unique(states.targets, return_counts=True)
    device = head.weight.device
    tokens, counts = tokens.to(device), counts.to(device)
    if len(tokens) > MAX_VOCABULARY:
        commonest = torch.argsort(counts, descending=True, stable=True)[:MAX_VOCABULARY]
        tokens = tokens[commonest.sort().values]
    places = torch.full((head.vocab_size,), -1, dtype=torch.int64, device=device)
    places[tokens] = torch.arange(len(tokens), device=device)
    width = head.hidden_size if projection is None else projection.shape[1]
    return Correction(
        head.cut_down(tokens),
        places,
        projection,
        weight=torch.zeros(len(tokens), width, device=device),
        bias=torch.zeros(len(tokens), device=device),
    )


def _rest_of_mass(base: Float[Tensor, "N R"], log_mass: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    """Log-mass of the tokens outside R, from the R tokens' logits and the whole mass."""
    within = (torch.logsumexp(base, dim=-1) - log_mass).clamp_max(-1e-6)
    return log_mass + torch.log1p(-torch.exp(within))


def _directions(
    hidden: Float[Tensor, "N d"], projection: Float[Tensor, "d p"] | None
) -> Float32[Tensor, "N p"]:
    directions = torch.nn.functional.normalize(hidden.float(), dim=-1)
    return directions if projection is None else directions @ projection


def _projection(head: OutputHead, seed: int, width: int) -> Float32[Tensor, "d p"] | None:
    """A seeded random projection that keeps lengths in expectation."""
    if head.hidden_size <= width:
        return None
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(head.hidden_size, width, generator=generator)
    return (drawn / math.sqrt(width)).to(head.weight.device)
