"""Benchmarks: tables and figures from one YAML file, cell by cell, resumable."""

from gradsentry.bench.finetune import run_finetuning, tuned_results
from gradsentry.bench.finetune_plan import FinetunePlan, read_finetune_plan
from gradsentry.bench.identify import measured, run_identification
from gradsentry.bench.plan import IdentifyPlan, chosen_tables, read_plan

__all__ = [
    "FinetunePlan",
    "IdentifyPlan",
    "chosen_tables",
    "measured",
    "read_finetune_plan",
    "read_plan",
    "run_finetuning",
    "run_identification",
    "tuned_results",
]
