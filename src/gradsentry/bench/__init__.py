"""Benchmarks: tables and figures from one YAML file, cell by cell, resumable."""

from gradsentry.bench.identify import run_identification
from gradsentry.bench.plan import IdentifyPlan, read_plan

__all__ = ["IdentifyPlan", "read_plan", "run_identification"]
