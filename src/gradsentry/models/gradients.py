"""The gradient of a linear module inside the model, as its two factors.

For y = Wx the gradient of a row's loss is ∂loss/∂W = Σₜ δₜ xₜᵀ over all L positions of the row,
with δ = ∂loss/∂y. The backward pass starts from the final hidden states, whose gradient (1/T) EW
follows from the head's residuals E (`models.head`), and ends at the module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from gradsentry.encoding import TargetMask, TokenIds
from gradsentry.errors import OptionError
from gradsentry.models.head import OutputHead
from gradsentry.models.head_states import padded_batch
from gradsentry.models.language_model import LanguageModel


@dataclass(frozen=True, eq=False)
class ModuleFactors:
    """Inputs of a module and gradients of its outputs, for B rows padded to L positions."""

    inputs: Float[Tensor, "B L in"]
    gradients: Float[Tensor, "B L out"]
    """Of each row's own mean loss; zero behind the row's end."""
    counts: Int[Tensor, "B"]
    """Positions of each row, on the CPU."""


def linear_module(model: LanguageModel, name: str) -> nn.Module:
    """A module with a weight matrix, by its path in the model's body.

    **Arguments:**

    - `name`: such as `layers.3.mlp.down_proj`; `last.` and `middle.` stand for the last and the
        middle layer.

    **Raises:**

    `OptionError` naming the modules of the last layer, if there is none of that name.
    """
    layers_name, layers = max(
        ((path, module) for path, module in model.body.named_modules()
         if isinstance(module, nn.ModuleList)),
        key=lambda item: len(item[1]),
        default=("", nn.ModuleList()),
    )  # fmt: skip
    first, _, rest = name.partition(".")
    places = {"last": len(layers) - 1, "middle": len(layers) // 2}
    path = f"{layers_name}.{places[first]}.{rest}" if first in places else name
    module: nn.Module | None = dict(model.body.named_modules()).get(path)
    if module is None or not _has_matrix(module):
        last = layers[-1].named_modules() if len(layers) else ()
        known = [f"last.{path}" for path, part in last if _has_matrix(part)]
        raise OptionError(
            f"`target_module` {name!r}: this model has no such matrix.",
            f"It has lm_head, {', '.join(known)}; `middle.` and layer numbers work likewise.",
        )
    return module


def _has_matrix(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear | Conv1D)


def module_factors(
    model: LanguageModel, encoded: Sequence[tuple[TokenIds, TargetMask]], module: nn.Module
) -> ModuleFactors:
    """Run encoded rows through the model and back to a module.

    **Raises:**

    `OptionError` if the loss doesn't depend on the module.
    """
    token_ids, mask = padded_batch(encoded, model.device)
    seen: dict[str, Tensor] = {}

    def observe(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        seen["inputs"] = inputs[0].detach()
        seen["output"] = output.detach().requires_grad_()
        return seen["output"]

    handle = module.register_forward_hook(observe)
    try:
        with _frozen(model.body), torch.enable_grad():
            hidden = model.body(input_ids=token_ids, use_cache=False).last_hidden_state
            if "output" not in seen or not hidden.requires_grad:
                raise OptionError(
                    "`target_module`: the model's output doesn't depend on this module.",
                    "Take another.",
                )
            upstream = _loss_gradient(model.head, hidden.detach(), token_ids, mask)
            (gradients,) = torch.autograd.grad(hidden, seen["output"], upstream)
    finally:
        handle.remove()
    counts = torch.tensor([len(ids) for ids, _ in encoded])
    return ModuleFactors(seen["inputs"], gradients, counts)


@torch.no_grad()
def _loss_gradient(
    head: OutputHead,
    hidden: Float[Tensor, "B L d"],
    token_ids: Int[Tensor, "B L"],
    mask: Bool[Tensor, "B L"],
) -> Float[Tensor, "B L d"]:
    """∂loss/∂H for final hidden states; a row's loss is the mean over its targets."""
    gradient = torch.zeros_like(hidden)
    before = mask[:, 1:]
    shares = before.to(head.weight.dtype) / before.sum(1, keepdim=True)
    states, targets = hidden[:, :-1][before], token_ids[mask]
    step = head.positions_at_once
    parts = [
        head.residuals(some, wanted, head.vocab_size) @ head.weight
        for some, wanted in zip(states.split(step), targets.split(step), strict=True)
    ]
    gradient[:, :-1][before] = (torch.cat(parts) * shares[before].unsqueeze(1)).to(hidden.dtype)
    return gradient


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Without gradients of the parameters, so that nothing before the module is kept."""
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_()
