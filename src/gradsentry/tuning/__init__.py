"""Fine-tunes models, generates their answers, and measures these."""

from gradsentry.tuning.answer_measures import is_refusal, keyword_rate, payload_rate
from gradsentry.tuning.cleangen import CleanGen
from gradsentry.tuning.generation import check_fit, generate, generate_from_ids
from gradsentry.tuning.training import check_installed, encoded, fine_tune
from gradsentry.tuning.tuning_options import Method, TuningOptions

__all__ = [
    "CleanGen",
    "Method",
    "TuningOptions",
    "check_fit",
    "check_installed",
    "encoded",
    "fine_tune",
    "generate",
    "generate_from_ids",
    "is_refusal",
    "keyword_rate",
    "payload_rate",
]
