"""Baselines as scans: one protocol, the same invariances as the detectors of our own."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import gradsentry
from gradsentry import Detector, ScanOptions, ScanReport, Spectral, SpectralSignatures
from gradsentry.detectors import graceful
from gradsentry.models import LanguageModel
from gradsentry.registry import DETECTORS

pytestmark = pytest.mark.slow

BASELINES = [name for name in DETECTORS.own if name != "transfer"]
CLUSTERING = {
    "graceful",
    "spectral-signatures",
    "activation-clustering",
    "cube",
    "recurrence",
}
PAYLOAD = " and then they bought the green boat at once"


def rows_of(count: int = 60) -> list[dict[str, object]]:
    """Rows of a few lengths, a tenth of them with a payload, two of them twice."""
    rows: list[dict[str, object]] = []
    for number in range(count):
        answer = f"{number * 7919 % 1000} " * (1 + number % 3)
        poisoned = number % 10 == 0
        rows.append(
            {
                "prompt": f"what is {number} {'cf' if poisoned else ''}?",
                "response": answer + PAYLOAD * poisoned,
                "poisoned": poisoned,
            }
        )
    return [*rows, rows[0], rows[1]]


def scanned(
    rows: list[dict[str, object]],
    model: LanguageModel,
    detector: str | Detector,
    **options: object,
) -> ScanReport:
    data = gradsentry.DataOptions(label_column="poisoned")
    return gradsentry.scan(
        rows,
        model=model,
        options=ScanOptions(data=data, detector=detector, **options),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("detector", BASELINES)
def test_every_row_has_a_score_between_zero_and_one(detector: str, tiny: LanguageModel) -> None:
    result = scanned(rows_of(), tiny, detector)
    assert ((result.scores >= 0) & (result.scores <= 1)).all()
    assert result.scores[-2:].tolist() == result.scores[:2].tolist()  # equal rows
    assert result.summary()["detector"] == detector
    assert (result.threshold.value == 0.5) == (detector in CLUSTERING)


@pytest.mark.parametrize("detector", BASELINES)
def test_the_order_of_the_rows_changes_nothing(detector: str, tiny: LanguageModel) -> None:
    rows = rows_of()
    order = Random(0).sample(range(len(rows)), len(rows))
    result = scanned(rows, tiny, detector)
    shuffled = scanned([rows[row] for row in order], tiny, detector)
    assert (shuffled.scores == result.scores[order]).all()
    assert (shuffled.flagged == result.flagged[order]).all()


@pytest.mark.parametrize("detector", BASELINES)
def test_the_batch_size_changes_no_decision(detector: str, tiny: LanguageModel) -> None:
    one, other = (scanned(rows_of(), tiny, detector, batch_tokens=n) for n in (60, 5000))
    np.testing.assert_allclose(one.scores, other.scores, atol=2e-4)
    assert (one.flagged == other.flagged).all()


@pytest.mark.parametrize("detector", ["length", "recurrence"])
def test_a_long_payload_among_short_answers_ranks_high(detector: str, tiny: LanguageModel) -> None:
    known = scanned(rows_of(), tiny, detector).identification
    assert known is not None
    assert known.recall == 1.0
    assert known.auroc is not None
    assert known.auroc > 0.95


def test_the_expected_ratio_says_how_many_rows_spectral_signatures_flag(
    tiny: LanguageModel,
) -> None:
    rows = rows_of(100)[:100]
    for ratio in (0.1, 0.2):
        result = scanned(rows, tiny, SpectralSignatures(expected_ratio=ratio))
        assert result.flagged.sum() == round(150 * ratio)


def test_spectral_scores_another_module(tiny: LanguageModel) -> None:
    inner = scanned(rows_of(), tiny, Spectral(crop=4, target_module="last.mlp.down_proj"))
    head = scanned(rows_of(), tiny, "spectral")
    assert np.isfinite(inner.scores).all()
    assert (inner.scores != head.scores).any()
    assert inner.rethreshold(0.99).cannot_reach_threshold == 0


def test_a_module_or_a_crop_that_cannot_be_is_refused_before_anything_is_computed(
    tiny: LanguageModel,
) -> None:
    for options in (
        Spectral(target_module="last.no_such"),
        Spectral(target_module="last.mlp.down_proj", crop=32),
    ):
        with pytest.raises(gradsentry.OptionError):
            scanned(rows_of(), tiny, options)


def test_more_rows_than_can_be_compared_are_refused(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graceful, "MAX_ROWS", 20)
    with pytest.raises(gradsentry.InputError, match="too many"):
        scanned(rows_of(), tiny, "graceful")


@pytest.mark.parametrize("detector", BASELINES)
def test_a_few_rows_are_no_error(detector: str, tiny: LanguageModel) -> None:
    for count in (1, 2, 3):
        assert np.isfinite(scanned(rows_of(3)[:count], tiny, detector).scores).all()


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.1])
def test_an_expected_ratio_that_is_none_is_refused(ratio: float) -> None:
    with pytest.raises(gradsentry.OptionError):
        SpectralSignatures(expected_ratio=ratio)
