"""Keeps the libraries that we use from printing."""

from __future__ import annotations

import os
import warnings


def quiet_libraries() -> None:
    """Turn off libraries' progress bars, notices and telemetry."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # libraries read it when they are imported
    libraries = r"(transformers|trl|peft|umap)\b"
    warnings.filterwarnings("ignore", category=FutureWarning, module=libraries)
    import datasets
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
