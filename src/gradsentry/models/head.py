"""The output head: from final hidden states to logits, and its gradient's two factors.

For the mean cross-entropy over T targets the gradient of the head's weight W (V×d) is

    G = (1/T) Σₜ eₜ hₜᵀ = (1/T) EᵀH,    E (T×V) = ∂loss/∂(WH), H (T×d) = hidden states

so E and H say all about G, and G itself is never needed. With post-processed logits
z = c·tanh(s·u/c), u = Wh + b (Gemma's soft-capping c, Cohere's and Granite's scale s), the chain
rule gives eₜ = s·(1 − (z/c)²)·(softmax(z) − onehot(y)).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from gradsentry.errors import ModelError
from gradsentry.models.model_faults import loading

# Bytes for logits of the whole vocabulary computed at once, and for those of a part of it.
_CHUNK_BYTES = 32 << 20
_PART_BYTES, _PART_BYTES_ACCELERATOR = 16 << 20, 32 << 20

# One logit near the largest is sought in this part of the vocabulary, where most tokenizers have
# their commonest tokens.
_NEAR_SHARE = 8

# Tokens whose 16-bit logits are computed at once, and summed up before they leave the cache.
_BLOCK = 4096

# Positions are padded to multiples of this: libraries keep a compiled product for each number.
_POSITIONS = 128

# Nats above what is known at which the rest of the vocabulary is computed in float32.
_FAR = 4.0


@dataclass(frozen=True, eq=False)
class OutputHead:
    """An output head's weights and logit post-processing."""

    weight: Float[Tensor, "V d"]
    """In float32 (float64 for a float64 model)."""
    bias: Float[Tensor, "V"] | None
    scale: float
    """Factor on the logits; 1 for most models."""
    softcap: float | None
    """Bound c of c·tanh(z/c), if the model caps its logits."""
    narrow: Float[Tensor, "V d"] | None
    """The weight as the model has it, where that is 16 bits wide and there is no bias."""

    def to(self, device: torch.device) -> OutputHead:
        """The same on a device."""
        return replace(
            self,
            weight=self.weight.to(device),
            bias=None if self.bias is None else self.bias.to(device),
            narrow=None if self.narrow is None else self.narrow.to(device),
        )

    @property
    def vocab_size(self) -> int:
        """Rows V of the weight, including padding rows that no token uses."""
        return int(self.weight.shape[0])

    @property
    def hidden_size(self) -> int:
        """Columns d of the weight."""
        return int(self.weight.shape[1])

    def targets_within(self, size: int, columns: int) -> int:
        """How many targets' residuals of so many columns fit into so many bytes.

        A multiple of what is computed at once, and at least that.
        """
        count = size // (columns * self.weight.element_size())
        return max(_POSITIONS, count - count % _POSITIONS)

    @property
    def positions_at_once(self) -> int:
        """Positions whose logits over the whole vocabulary stay small."""
        return max(1, _CHUNK_BYTES // (self.vocab_size * self.weight.element_size()))

    def logits(self, hidden: Float[Tensor, "*N d"]) -> Float[Tensor, "*N V"]:
        """Logits of hidden states, in the weight's dtype."""
        raw = nn.functional.linear(hidden.to(self.weight.dtype), self.weight, self.bias)
        return self.post_process(raw)

    def post_process(self, raw: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Scale and cap raw logits Wh + b."""
        if self.scale != 1.0:
            raw = raw * self.scale
        if self.softcap is not None:
            raw = torch.tanh(raw / self.softcap) * self.softcap
        return raw

    @torch.inference_mode()
    def surprise(
        self, hidden: Float[Tensor, "N d"], targets: Int[Tensor, "N"]
    ) -> tuple[Float[Tensor, "N"], Float[Tensor, "N"]]:
        """Log-mass and cross-entropy of N targets: lse(z) and lse(z) − z_y, in nats.

        The softmax runs over the whole vocabulary, in chunks. Both in the weight's dtype.
        """
        columns = max(1, self.vocab_size // _NEAR_SHARE)
        step = self._step(columns)
        masses, own = [], []
        for chunk, wanted in zip(hidden.split(step), targets.split(step), strict=True):
            _, mass, logits = self._seen(chunk, wanted, columns)
            masses.append(mass)
            own.append(logits)
        mass = torch.cat(masses)
        return mass, mass - torch.cat(own)

    def cut_down(self, tokens: Int[Tensor, "R"]) -> OutputHead:
        """The same head on some of its tokens."""
        bias = None if self.bias is None else self.bias[tokens]
        return replace(self, weight=self.weight[tokens], bias=bias, narrow=None)

    def residuals(
        self, hidden: Float[Tensor, "N d"], targets: Int[Tensor, "N"], columns: int
    ) -> Float[Tensor, "N columns"]:
        """The first `columns` columns of E for hidden states and target ids.

        The softmax runs over the whole vocabulary, in chunks. In the weight's dtype.
        """
        residuals = self.weight.new_empty(len(targets), columns)
        step = self._step(columns)
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

    def _step(self, columns: int) -> int:
        """Positions taken at once where only logits of the first columns are kept."""
        if self.narrow is None or columns == self.vocab_size:
            return self.positions_at_once
        on_cpu = self.weight.device.type == "cpu"
        return self.targets_within(_PART_BYTES if on_cpu else _PART_BYTES_ACCELERATOR, columns)

    def _seen(
        self, hidden: Float[Tensor, "N d"], targets: Int[Tensor, "N"], columns: int
    ) -> tuple[Float[Tensor, "N columns"], Float[Tensor, "N"], Float[Tensor, "N"]]:
        """Logits of the first columns, log-mass and the targets' logits."""
        if self.narrow is None or columns == self.vocab_size:
            logits = self.logits(hidden)
            own = logits.gather(1, targets.unsqueeze(1)).squeeze(1)
            return logits[:, :columns], torch.logsumexp(logits, dim=-1), own
        wide = hidden.to(self.weight.dtype)
        some = nn.functional.linear(wide, self.weight[:columns])
        own = (wide * self.weight[targets]).sum(-1)
        near = torch.maximum(some.amax(-1), own)
        is_outside = targets >= columns
        rest = self._rest_of_mass(hidden, near, columns, torch.where(is_outside, targets, -1))
        some, own = self.post_process(some), self.post_process(own)
        known = torch.logsumexp(some, dim=-1)
        known = torch.where(is_outside, torch.logaddexp(known, own), known)
        mass = torch.logaddexp(known, rest)
        # Where others lie far above all that is known, their digits are lost after all.
        far = (~(rest - known < _FAR)).nonzero().squeeze(-1)
        for part in far.split(self.positions_at_once):
            mass[part] = torch.logsumexp(self.logits(hidden[part]), dim=-1)
        return some, mass, own

    def _rest_of_mass(
        self,
        hidden: Float[Tensor, "N d"],
        near: Float[Tensor, "N"],
        columns: int,
        but: Int[Tensor, "N"],
    ) -> Float[Tensor, "N"]:
        """Log-sum-exp of the logits behind the first columns, computed in 16 bits.

        Products are summed in float32, and digits are lost when sums are stored. So what is stored
        is their distance from a known logit near the largest one: those that make up the mass keep
        most of their digits. docs/findings/speed.md says what is lost.

        **Arguments:**

        - `near`: the raw logit.
        - `but`: a token to leave out, or -1.
        """
        assert self.narrow is not None
        padding = -len(hidden) % _POSITIONS
        narrow = nn.functional.pad(hidden.to(self.narrow.dtype), (0, 0, 0, padding))
        offset = nn.functional.pad(near.to(self.narrow.dtype), (0, padding))
        mass = near.new_full(offset.shape, -torch.inf)
        memory = narrow.new_empty(len(narrow), _BLOCK)  # new for each block, it would cost as much
        for start in range(columns, self.vocab_size, _BLOCK):
            block = self.narrow[start : start + _BLOCK]
            below = memory if len(block) == _BLOCK else narrow.new_empty(len(narrow), len(block))
            with _summed_in_float32(hidden.device):
                torch.addmm(-offset.unsqueeze(1), narrow, block.T, out=below)
            left_out = ((start <= but) & (but < start + len(block))).nonzero().squeeze(-1)
            places = left_out, but[left_out] - start
            mass = torch.logaddexp(mass, self._mass_of(below, offset.to(mass.dtype), places))
        return mass[: len(hidden)]

    def _mass_of(
        self,
        below: Float[Tensor, "N block"],
        offset: Float[Tensor, "N"],
        but: tuple[Int[Tensor, "M"], Int[Tensor, "M"]],
    ) -> Float[Tensor, "N"]:
        """Log-sum-exp of logits but some, from their raw distances to an offset."""
        if self.scale == 1.0 and self.softcap is None and below.dtype == torch.bfloat16:
            # As wide a range as float32's: nothing overflows that isn't far above the offset.
            below[but] = -torch.inf
            return offset + below.exp_().sum(-1, dtype=offset.dtype).log()
        logits = self.post_process(below.to(offset.dtype) + offset.unsqueeze(1))
        logits[but] = -torch.inf
        return torch.logsumexp(logits, dim=-1)


@contextmanager
def _summed_in_float32(device: torch.device) -> Iterator[None]:
    """Products of 16-bit matrices on CUDA without partial sums in 16 bits."""
    if device.type != "cuda":
        yield
        return
    flags = torch.backends.cuda.matmul
    names = (
        "allow_bf16_reduced_precision_reduction",
        "allow_fp16_reduced_precision_reduction",
    )
    own = [getattr(flags, name) for name in names]
    try:
        for name in names:
            setattr(flags, name, False)
        yield
    finally:
        for name, value in zip(names, own, strict=True):
            setattr(flags, name, value)


def find_output_head(model: PreTrainedModel) -> OutputHead:
    """The head of a loaded causal language model, on the device on which its body begins.

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
    head = OutputHead(
        weight.detach().to(precision),
        None if bias is None else bias.detach().to(precision),
        scale,
        softcap,
        weight.detach() if _can_be_narrow(weight) and bias is None else None,
    )
    return head.to(model.device)


def _can_be_narrow(weight: Tensor) -> bool:
    """Whether 16-bit products are rounded once, after the last sum; MPS rounds before."""
    return weight.itemsize == 2 and weight.device.type in ("cpu", "cuda")


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
        with (
            torch.inference_mode(),
            loading(
                f"This {type(model).__name__} can't compute the logits of a few tokens",
                "Check the model's config.json, and that the device has memory left beside it.",
            ),
        ):
            logits = model(input_ids=probe, use_cache=False).logits
            hidden = body(input_ids=probe, use_cache=False).last_hidden_state
    finally:
        handle.remove()
    if not logits.isfinite().all():
        raise ModelError(
            f"The logits of this {type(model).__name__} aren't finite in {logits.dtype}.",
            "Use `dtype` float32 (or bfloat16, if this was float16), or check the weights.",
        )

    def same(ours: Tensor, theirs: Tensor, tolerance: float) -> bool:
        theirs = theirs.to(ours)
        atol = tolerance * float(theirs.abs().max())
        return torch.allclose(ours, theirs, rtol=tolerance, atol=atol)

    rounding = 4 * torch.finfo(logits.dtype).eps
    entered, raw = (seen[name].to(head.weight.device) for name in ("hidden", "raw"))
    checks = {
        "hidden states": same(hidden, entered, 4 * rounding),
        "logits": same(head.post_process(raw.to(head.weight.dtype)), logits, rounding),
        "head": same(head.logits(entered), logits, rounding),
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
