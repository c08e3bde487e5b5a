"""Benchmarks: tables and figures from one YAML file, cell by cell, resumable."""

from gradsentry.bench.finetune_cells import run_finetuning, tuned_results
from gradsentry.bench.finetune_plan import FinetunePlan, read_finetune_plan
from gradsentry.bench.identify_cells import measured, run_identification
from gradsentry.bench.identify_plan import IdentifyPlan, chosen_tables, read_identify_plan

__all__ = [
    "FinetunePlan",
    "IdentifyPlan",
    "chosen_tables",
    "measured",
    "read_finetune_plan",
    "read_identify_plan",
    "run_finetuning",
    "run_identification",
    "tuned_results",
]
