"""People decide: the log of their decisions, what follows from it, and the page to decide on."""

from gradsentry.review.applying import apply_decisions
from gradsentry.review.baseline import Baseline, read_baseline
from gradsentry.review.decision_log import read_decisions
from gradsentry.review.decisions import Choice, Decision

__all__ = ["Baseline", "Choice", "Decision", "apply_decisions", "read_baseline", "read_decisions"]
