"""What training on data does to a model: fine-tuning, generation, and what comes out of it."""

from gradsentry.tuning.generation import generate
from gradsentry.tuning.measures import keyword_rate, matches_exactly
from gradsentry.tuning.training import Method, TuningOptions, fine_tuned

__all__ = [
    "Method",
    "TuningOptions",
    "fine_tuned",
    "generate",
    "keyword_rate",
    "matches_exactly",
]
