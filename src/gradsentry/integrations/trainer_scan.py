"""Scans what a trainer is about to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from datasets import Dataset

from gradsentry.errors import InputError, OptionError
from gradsentry.models import LanguageModel
from gradsentry.pipeline import scan
from gradsentry.report import ScanReport
from gradsentry.report.verdict import headline
from gradsentry.scan_options import ScanOptions

_TOKENS = (
    "input_ids",
    "attention_mask",
    "labels",
    "completion_mask",
    "assistant_masks",
    "token_type_ids",
    "seq_lengths",
)
"""Columns that trainers add when they are made; the text that they stand for is beside them."""


def scan_before_training(
    trainer: Any,
    *,
    model: str | Path | LanguageModel | None = None,
    options: ScanOptions | None = None,
    on_poison: Literal["stop", "drop"] = "stop",
    out: str | Path | None = None,
) -> ScanReport:
    """Scan the data set of a TRL or transformers trainer; call it before `trainer.train()`.

    **Arguments:**

    - `trainer`: any object with a `train_dataset`, such as an `SFTTrainer`. Its rows must still
        have their text: those that were packed don't.
    - `model`: as `scan` takes it.
    - `on_poison`: `stop` raises if a row is flagged; `drop` leaves flagged rows out of the
        trainer's data set. Rows for review stay in either case.
    - `out`: a folder for the results of the scan.

    **Raises:**

    `InputError` if a row is flagged and `on_poison` is `stop`, or if the data set can't be scanned.
    """
    if on_poison not in ("stop", "drop"):
        raise OptionError(f"`on_poison` can't be {on_poison!r}.", "Give stop or drop.")
    dataset: Any = getattr(trainer, "train_dataset", None)
    report = scan(_text_columns(dataset), model=model, options=options or ScanOptions(), out=out)
    if report.blind:
        raise InputError(
            "Training hasn't begun: no row could have been flagged, so the scan says nothing.",
            "Look at its report, or name another detector in `options`.",
        )
    if not report.flagged.any():
        return report
    if on_poison == "stop":
        look = "Name a folder with `out` to see which" if out is None else f"Look into {out}"
        raise InputError(
            f"Training hasn't begun. {headline(report)}",
            f"{look}, and train on the clean rows, or give on_poison='drop'.",
        )
    trainer.train_dataset = dataset.select((~report.flagged).nonzero()[0])
    return report


def _text_columns(dataset: object) -> Dataset:
    """A trainer's data set without the tokens that it added.

    **Raises:**

    `InputError` if nothing else is left, or if it is no data set.
    """
    if not isinstance(dataset, Dataset):
        raise InputError(
            "The trainer has no train_dataset of the class datasets.Dataset.",
            "Scan the data before the trainer is made: gradsentry.scan(...).clean.",
        )
    added = [name for name in dataset.column_names if name in _TOKENS]
    if len(added) == len(dataset.column_names):
        raise InputError(
            "The trainer's rows are tokens without their text, as packing leaves them.",
            "Scan the data before the trainer is made: gradsentry.scan(...).clean.",
        )
    return dataset.remove_columns(added)
