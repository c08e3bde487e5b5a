"""Benchmarks: tables and figures from one YAML file, cell by cell, resumable."""

from gradsentry.bench.benchmark import Benchmark
from gradsentry.bench.cells import measured
from gradsentry.bench.finetune import FINETUNE
from gradsentry.bench.identify import IDENTIFY
from gradsentry.bench.plan import Plan, chosen_tables

__all__ = ["FINETUNE", "IDENTIFY", "Benchmark", "Plan", "chosen_tables", "measured"]
