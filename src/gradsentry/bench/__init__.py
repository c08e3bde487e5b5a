"""Benchmarks: tables and figures from one YAML file, cell by cell, resumable."""

from gradsentry.bench.identify import measured, run_identification
from gradsentry.bench.plan import IdentifyPlan, chosen_tables, read_plan

__all__ = ["IdentifyPlan", "chosen_tables", "measured", "read_plan", "run_identification"]
