"""The baseline `perplexity` against its definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradsentry.detectors.perplexity import perplexity_scores
from gradsentry.models import LanguageModel, target_states
from tests.detectors.test_spectral import store_of
from tests.tiny_models import mean_loss, random_rows, tiny_model


def test_perplexity_agrees_with_the_model_s_own_loss(tmp_path: Path) -> None:
    model = tiny_model("gemma2")
    rows = random_rows(4, [(5, 1), (3, 7), (2, 20)])
    wrapped = LanguageModel.wrap(model, tokenizer=None)
    store = store_of(rows, tmp_path)
    ours = perplexity_scores(target_states(wrapped, store.read(np.arange(3))), wrapped.head)
    for row, score in zip(rows, ours.tolist(), strict=True):
        loss = mean_loss(model, row).item()
        # Gemma's attention has a float32 softmax, whatever the model's dtype.
        assert score == pytest.approx(loss / (loss + 4), abs=1e-7)
