"""Models: loading them, their output head, and the hidden states that enter it."""

from gradsentry.models.adapters import merge_adapter
from gradsentry.models.batches import Batching, BatchPlan, plan_batches
from gradsentry.models.gradients import ModuleFactors, linear_module, module_factors
from gradsentry.models.head import OutputHead
from gradsentry.models.head_states import (
    ForwardPass,
    HeadStates,
    TargetStates,
    enough_for_batch,
    target_nats,
    target_states,
)
from gradsentry.models.language_model import LanguageModel, max_positions
from gradsentry.models.loading import load_model, load_pretrained
from gradsentry.models.model_options import Dtype, ModelOptions, Quantize, resolve_dtype
from gradsentry.models.pretrained import Pretrained
from gradsentry.models.references import check_reference

__all__ = [
    "BatchPlan",
    "Batching",
    "Dtype",
    "ForwardPass",
    "HeadStates",
    "LanguageModel",
    "ModelOptions",
    "ModuleFactors",
    "OutputHead",
    "Pretrained",
    "Quantize",
    "TargetStates",
    "check_reference",
    "enough_for_batch",
    "linear_module",
    "load_model",
    "load_pretrained",
    "max_positions",
    "merge_adapter",
    "module_factors",
    "plan_batches",
    "resolve_dtype",
    "target_nats",
    "target_states",
]
