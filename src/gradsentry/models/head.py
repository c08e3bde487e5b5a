"""The output head: from final hidden states to logits, and its gradient's two factors.

For the mean cross-entropy over T targets the gradient of the head's weight W (V×d) is

    G = (1/T) Σₜ eₜ hₜᵀ = (1/T) EᵀH,    E (T×V) = ∂loss/∂(WH), H (T×d) = hidden states

so E and H say all about G, and G itself is never needed. With post-processed logits
z = c·tanh(s·u/c), u = Wh + b (Gemma's soft-capping c, Cohere's and Granite's scale s), the chain
rule gives eₜ = s·(1 − (z/c)²)·(softmax(z) − onehot(y)).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from gradsentry.errors import ModelError

# Bytes for logits computed at once.
_CHUNK_BYTES = 32 << 20

# One logit near the largest is sought in this part of the vocabulary, where most tokenizers have
# their commonest tokens.
_NEAR_SHARE = 8


@dataclass(frozen=True)
class OutputHead:
    """An output head's weights and logit post-processing."""

    weight: Tensor
    """Shape (V, d), float32 (float64 for a float64 model)."""
    bias: Tensor | None
    """Shape (V,)."""
    scale: float
    """Factor on the logits; 1 for most models."""
    softcap: float | None
    """Bound c of c·tanh(z/c), if the model caps its logits."""
    narrow: Tensor | None
    """The weight as the model has it, where that is 16 bits wide and there is no bias."""
    _memory: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def vocab_size(self) -> int:
        """Rows V of the weight, including padding rows that no token uses."""
        return int(self.weight.shape[0])

    @property
    def hidden_size(self) -> int:
        """Columns d of the weight."""
        return int(self.weight.shape[1])

    @property
    def positions_at_once(self) -> int:
        """Positions whose logits over the whole vocabulary stay small."""
        return max(1, _CHUNK_BYTES // (self.vocab_size * self.weight.element_size()))

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (N, V) of hidden states (N, d), in the weight's dtype."""
        raw = nn.functional.linear(hidden.to(self.weight.dtype), self.weight, self.bias)
        return self.post_process(raw)

    def post_process(self, raw: Tensor) -> Tensor:
        """Scale and cap raw logits Wh + b."""
        if self.scale != 1.0:
            raw = raw * self.scale
        if self.softcap is not None:
            raw = torch.tanh(raw / self.softcap) * self.softcap
        return raw

    @torch.inference_mode()
    def surprise(self, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mass and cross-entropy of N targets: lse(z) and lse(z) − z_y, in nats.

        The softmax runs over the whole vocabulary, in chunks. Both of shape (N,), the weight's
        dtype.
        """
        columns = self.vocab_size // _NEAR_SHARE
        step = self.positions_at_once
        masses, own = [], []
        for chunk, wanted in zip(hidden.split(step), targets.split(step), strict=True):
            _, mass, logits = self._seen(chunk, wanted, columns)
            masses.append(mass)
            own.append(logits)
        mass = torch.cat(masses)
        return mass, mass - torch.cat(own)

    def cut_down(self, tokens: Tensor) -> OutputHead:
        """The same head on some of its tokens."""
        bias = None if self.bias is None else self.bias[tokens]
        return replace(self, weight=self.weight[tokens], bias=bias, narrow=None, _memory={})

    def residuals(self, hidden: Tensor, targets: Tensor, columns: int) -> Tensor:
        """The first `columns` columns of E for hidden states (N, d) and target ids (N,).

        The softmax runs over the whole vocabulary, in chunks. Shape (N, columns), the weight's
        dtype.
        """
        residuals = self.weight.new_empty(len(targets), columns)
        step = self.positions_at_once
        for some, wanted, into in zip(
            hidden.split(step), targets.split(step), residuals.split(step), strict=True
        ):
            logits, mass, _ = self._seen(some, wanted, columns)
            torch.exp(logits - mass.unsqueeze(1), out=into)
            inside = (wanted < columns).nonzero().squeeze(-1)
            into[inside, wanted[inside]] -= 1.0
            if self.softcap is not None:
                into *= 1.0 - (logits / self.softcap) ** 2
        if self.scale != 1.0:
            residuals *= self.scale
        return residuals

    def _seen(self, hidden: Tensor, targets: Tensor, columns: int) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the first columns (N, columns), log-mass (N,) and the targets' logits (N,)."""
        if self.narrow is None or columns == self.vocab_size:
            logits = self.logits(hidden)
            own = logits.gather(1, targets.unsqueeze(1)).squeeze(1)
            return logits[:, :columns], torch.logsumexp(logits, dim=-1), own
        wide = hidden.to(self.weight.dtype)
        some = nn.functional.linear(wide, self.weight[:columns])
        own = (wide * self.weight[targets]).sum(-1)
        near = torch.maximum(some.amax(-1), own)
        own = self.post_process(own)
        mass = torch.maximum(self._log_mass(hidden, near), own)
        return self.post_process(some), mass, own

    def _scratch(self, positions: int) -> Tensor:
        """Memory for logits, always the same: to get it anew costs as much as to fill it."""
        assert self.narrow is not None
        if "logits" not in self._memory:
            shape = (self.positions_at_once, self.vocab_size)
            self._memory["logits"] = self.narrow.new_empty(shape)
        return self._memory["logits"][:positions]

    def _log_mass(self, hidden: Tensor, near: Tensor) -> Tensor:
        """Log-sum-exp (N,) of logits that are computed in the 16 bits of the model's own weight.

        Sums of products are exact to float32, and rounding comes when they are stored. So what is
        stored is their distance from a known logit near the largest one: those that make up the
        mass keep nearly all of their digits. Docs/findings/rounding.md has what is lost.

        **Arguments:**

        - `near`: shape (N,): the raw logit.
        """
        assert self.narrow is not None
        offset = near.to(self.narrow.dtype)
        below = self._scratch(len(hidden))
        torch.addmm(-offset.unsqueeze(1), hidden, self.narrow.T, out=below)
        if self.scale == 1.0 and self.softcap is None and below.dtype == torch.bfloat16:
            # As wide a range as float32's: exp overflows 88 nats above `near` only.
            mass = offset.float() + below.exp_().sum(-1, dtype=torch.float32).log()
        else:
            mass = self.post_process(below.float() + offset.float().unsqueeze(1)).logsumexp(-1)
        if not (finite := mass.isfinite()).all():
            mass[~finite] = torch.logsumexp(self.logits(hidden[~finite]), dim=-1)
        return mass


def output_head(model: PreTrainedModel) -> OutputHead:
    """The head of a loaded causal language model.

    **Raises:**

    `ModelError` if the model has none.
    """
    module = model.get_output_embeddings()
    weight = getattr(module, "weight", None)
    if weight is None or weight.ndim != 2:
        raise ModelError(
            f"A model of class {type(model).__name__} has no output head to score with.",
            "Use a causal language model: one that predicts the next token.",
        )
    bias = getattr(module, "bias", None)
    precision = torch.float64 if weight.dtype == torch.float64 else torch.float32
    scale, softcap = _post_processing(model.config.get_text_config())
    return OutputHead(
        weight.detach().to(precision),
        None if bias is None else bias.detach().to(precision),
        scale,
        softcap,
        weight.detach() if weight.itemsize == 2 and bias is None else None,
    )


def check_head(model: PreTrainedModel, body: nn.Module, head: OutputHead) -> None:
    """Compare hidden states and logits with the model's own, on a short probe.

    An architecture that does something to its hidden states or logits that is unknown here would
    give scores that look fine and are wrong.

    **Raises:**

    `ModelError` if they differ by more than the rounding of the model's dtype.
    """
    device = head.weight.device
    # Spread over the vocabulary; the same ids always.
    probe = torch.linspace(3, head.vocab_size - 1, 8, device=device).long().unsqueeze(0)
    seen: dict[str, Tensor] = {}

    def observe(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen["hidden"], seen["raw"] = inputs[0], output

    module = model.get_output_embeddings()
    assert isinstance(module, nn.Module)
    handle = module.register_forward_hook(observe)
    try:
        with torch.inference_mode():
            logits = model(input_ids=probe, use_cache=False).logits
            hidden = body(input_ids=probe, use_cache=False).last_hidden_state
    finally:
        handle.remove()
    if not logits.isfinite().all():
        raise ModelError(
            f"The logits of this {type(model).__name__} aren't finite in {logits.dtype}.",
            "Use --dtype float32 (or bfloat16, if this was float16), or check the weights.",
        )

    def same(ours: Tensor, theirs: Tensor, tolerance: float) -> bool:
        theirs = theirs.to(ours.dtype)
        atol = tolerance * float(theirs.abs().max())
        return torch.allclose(ours, theirs, rtol=tolerance, atol=atol)

    rounding = 4 * torch.finfo(logits.dtype).eps
    checks = {
        "hidden states": same(hidden, seen["hidden"], 4 * rounding),
        "logits": same(head.post_process(seen["raw"].to(head.weight.dtype)), logits, rounding),
        "head": same(head.logits(seen["hidden"]), logits, rounding),
    }
    for what, agrees in checks.items():
        if not agrees:
            raise ModelError(
                f"A {type(model).__name__} processes its {what} in a way that isn't known here; "
                "scores would be wrong.",
                "Merge adapters into the model first; else use another model, and please report "
                "the architecture.",
            )


def _post_processing(config: PreTrainedConfig) -> tuple[float, float | None]:
    """(scale, soft cap) from the names that the architectures use."""
    scale = 1.0
    for multiplier in ("logit_scale", "lm_head_multiplier"):  # Cohere, Falcon-H1
        scale *= getattr(config, multiplier, None) or 1.0
    scale /= getattr(config, "logits_scaling", None) or 1.0  # Granite
    return scale, getattr(config, "final_logit_softcapping", None)  # Gemma
