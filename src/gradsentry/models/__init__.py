"""Models: loading them, their output head, and the hidden states that enter it."""

from gradsentry.models.batches import BatchPlan, batch_starts, plan_batches
from gradsentry.models.head import OutputHead
from gradsentry.models.language_model import Dtype, LanguageModel, ModelOptions, load_model
from gradsentry.models.states import TargetStates, enough_memory, target_states

__all__ = [
    "BatchPlan",
    "Dtype",
    "LanguageModel",
    "ModelOptions",
    "OutputHead",
    "TargetStates",
    "batch_starts",
    "enough_memory",
    "load_model",
    "plan_batches",
    "target_states",
]
