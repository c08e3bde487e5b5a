"""Documents that are read in windows: one score a row, the highest of its windows'."""

from __future__ import annotations

import numpy as np
import pytest

import gradsentry
from gradsentry import EncodingOptions, ScanOptions
from gradsentry.encoding import LongText
from gradsentry.models import LanguageModel

WORDS = ("river", "stone", "cloud", "tree", "lamp", "road")
SHORT = [{"text": f"A {word} is seen by {other}."} for word in WORDS for other in WORDS]
LONG = [{"text": " ".join(f"{word} {number}" for number in range(60))} for word in WORDS]


@pytest.mark.parametrize("detector", ["transfer", "spectral", "perplexity"])
def test_every_document_has_one_score(tiny: LanguageModel, detector: str) -> None:
    rows = [*SHORT, *LONG, *SHORT[:3]]
    scored = {}
    for long_text in LongText:
        options = ScanOptions(
            detector=detector,
            threshold=0.9,
            encoding=EncodingOptions(max_length=64, long_text=long_text),
        )
        result = gradsentry.scan(rows, model=tiny, options=options)
        assert result.scores.shape == (len(rows),)
        assert np.isfinite(result.scores).all()
        cut = long_text is LongText.CUT
        assert result.rows.truncated.sum() == (len(LONG) if cut else 0)
        scored[long_text] = result
    windows = scored[LongText.WINDOWS]
    assert (windows.rows.target_tokens[len(SHORT) : -3] > 64).all()
    np.testing.assert_array_equal(windows.scores[-3:], windows.scores[:3])


def test_a_document_scores_as_its_highest_window(tiny: LanguageModel) -> None:
    options = ScanOptions(
        detector="length",
        threshold=0.9,
        encoding=EncodingOptions(max_length=64, long_text="windows"),  # type: ignore[arg-type]
    )
    result = gradsentry.scan([*SHORT, *LONG], model=tiny, options=options)
    assert result.scores[-1] == result.scores.max()
