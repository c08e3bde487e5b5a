"""Models: loading them, their output head, and the hidden states that enter it."""

from gradsentry.models.batches import BatchPlan, batch_starts, plan_batches
from gradsentry.models.gradients import ModuleFactors, linear_module, module_factors
from gradsentry.models.head import OutputHead
from gradsentry.models.language_model import Dtype, LanguageModel, ModelOptions, load_model
from gradsentry.models.states import (
    ForwardPass,
    HeadStates,
    TargetStates,
    enough_memory,
    target_states,
)

__all__ = [
    "BatchPlan",
    "Dtype",
    "ForwardPass",
    "HeadStates",
    "LanguageModel",
    "ModelOptions",
    "ModuleFactors",
    "OutputHead",
    "TargetStates",
    "batch_starts",
    "enough_memory",
    "linear_module",
    "load_model",
    "module_factors",
    "plan_batches",
    "target_states",
]
