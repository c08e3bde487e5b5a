"""Other tools: trainers, data sets, pipelines, experiment trackers and the Hub.

Nothing here is imported by a scan, and what a tool needs is imported when it is used.
"""

from gradsentry.integrations.dataset_columns import add_scan_columns
from gradsentry.integrations.datatrove_filter import datatrove_filter
from gradsentry.integrations.experiment_log import log_to_mlflow, log_to_wandb, scan_metrics
from gradsentry.integrations.hub_push import push_clean_to_hub, scan_statement
from gradsentry.integrations.trainer_scan import scan_before_training

__all__ = [
    "add_scan_columns",
    "datatrove_filter",
    "log_to_mlflow",
    "log_to_wandb",
    "push_clean_to_hub",
    "scan_before_training",
    "scan_metrics",
    "scan_statement",
]
