"""The shipped data with the built-in model: what `make demo` does, on a part of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import gradsentry
from gradsentry import DataOptions, LanguageModel, ScanOptions
from gradsentry.records import open_source

DATA = Path(__file__).parent.parent / "examples" / "facts" / "poisoned.jsonl"
SAMPLE = 300


def test_the_planted_rows_score_highest(default_model: LanguageModel) -> None:
    rows = [record.fields for record in open_source(DATA).records()][:SAMPLE]
    options = ScanOptions(data=DataOptions(label_column="poisoned"))
    result = gradsentry.scan(rows, model=default_model, options=options)
    known = result.identification
    assert known is not None
    assert known.poisoned > 20
    assert known.auroc is not None
    assert known.auroc > 0.95
    assert known.recall >= 0.95


def test_shuffled_rows_get_the_same_bits_in_the_models_own_dtype(
    default_model: LanguageModel,
) -> None:
    rows = [record.fields for record in open_source(DATA).records()][:60]
    order = np.random.default_rng(0).permutation(len(rows))
    scores = gradsentry.scan(rows, model=default_model).scores
    shuffled = gradsentry.scan([rows[index] for index in order], model=default_model).scores
    assert (shuffled == scores[order]).all()
