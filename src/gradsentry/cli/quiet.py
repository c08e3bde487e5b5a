"""How much is printed, by us and by the libraries that we use."""

from __future__ import annotations

import logging as std_logging
import os
import warnings
from typing import TYPE_CHECKING

from gradsentry.errors import OptionError

if TYPE_CHECKING:
    from gradsentry.report.terminal import Verbosity


def quiet_libraries() -> None:
    """Turn off libraries' progress bars, notices and telemetry."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # libraries read it when they are imported
    # It says what it lacks wherever it is imported, also for models that don't need it.
    std_logging.getLogger("bitsandbytes").setLevel(std_logging.ERROR)
    libraries = r"(transformers|trl|peft|umap)\b"
    warnings.filterwarnings("ignore", category=FutureWarning, module=libraries)
    import datasets
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()


def read_verbosity(quiet: bool, verbose: bool) -> Verbosity:
    """How much is said, from the flags of that.

    **Raises:**

    `OptionError` if both are given.
    """
    from gradsentry.report.terminal import Verbosity

    if quiet and verbose:
        raise OptionError("`quiet` and `verbose` contradict each other.", "Leave one of them out.")
    if quiet:
        return Verbosity.QUIET
    return Verbosity.VERBOSE if verbose else Verbosity.NORMAL
