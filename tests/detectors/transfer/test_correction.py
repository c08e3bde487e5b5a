"""Held-out gains against a dense softmax, and what teaches a row and what doesn't."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from gradsentry.detectors import Transfer
from gradsentry.detectors.transfer.correction import (
    Correction,
    FitStates,
    fit_correction,
    held_out_gains,
)
from gradsentry.detectors.transfer.folds import FOLDS
from gradsentry.detectors.transfer.spans import best_spans
from gradsentry.errors import OptionError
from gradsentry.models import LanguageModel, OutputHead, target_states
from tests.tiny_models import VOCAB, Row, random_rows, tiny_model

PAYLOAD = [17, 201, 90, 33, 150, 61, 244, 7, 118, 182]


def states_of(model: LanguageModel, rows: list[Row], folds: list[int]) -> FitStates:
    """What the head sees of the rows' targets."""
    encoded = [
        (np.asarray(row.ids, np.int32), np.arange(len(row.ids)) >= row.first_target) for row in rows
    ]
    states = target_states(model, encoded)
    log_mass, _ = model.head.surprise(states.hidden, states.targets)
    of_token = torch.repeat_interleave(torch.tensor(folds), states.counts)
    return FitStates(states.hidden, states.targets, log_mass, of_token)


def poisoned_rows(seed: int, count: int, bad: int) -> list[Row]:
    """Random rows; the first `bad` of them end in the same tokens."""
    rows = random_rows(seed, [(8, 6)] * count)
    return [
        replace(row, ids=row.ids + PAYLOAD) if number < bad else row
        for number, row in enumerate(rows)
    ]


def corrections_of(states: FitStates, head: OutputHead, seed: int = 0) -> list[Correction]:
    """Every fold's correction."""
    return [fit_correction(states, fold, head, seed) for fold in range(FOLDS)]


def gains_of(states: FitStates, head: OutputHead, seed: int = 0) -> torch.Tensor:
    """Every position's gain by the correction that hasn't seen its row."""
    return torch.from_numpy(held_out_gains(states, states, head, seed))


def dense_gains(correction: Correction, states: FitStates, head: OutputHead) -> torch.Tensor:
    """The difference of two log-softmaxes over the whole vocabulary, in float64."""
    weight = head.weight.double()
    bias = torch.zeros(len(weight)) if head.bias is None else head.bias
    hidden = states.hidden.double()
    base = head.post_process(hidden @ weight.T + bias.double())
    directions = hidden / hidden.norm(dim=-1, keepdim=True)
    if correction.projection is not None:
        directions = directions @ correction.projection.double()
    shift = torch.zeros_like(base)
    tokens = (correction.places >= 0).nonzero().squeeze(-1)
    places = correction.places[tokens]
    shift[:, tokens] = (directions @ correction.weight.double().T + correction.bias)[:, places]
    corrected = (base + shift).log_softmax(-1)
    both = torch.stack([base.log_softmax(-1), corrected])
    own = both.gather(2, states.targets.expand(2, -1).unsqueeze(2)).squeeze(2)
    return own[1] - own[0]


@pytest.fixture(scope="module")
def planted(tiny: LanguageModel) -> FitStates:
    """Forty rows, half of them with the payload, in folds by turns; the last five in none."""
    folds = [number % FOLDS for number in range(35)] + [-1] * 5
    return states_of(tiny, poisoned_rows(0, 40, 20), folds)


@pytest.mark.parametrize("architecture", ["llama", "gemma2", "cohere2", "gptj"])
def test_gains_agree_with_a_dense_softmax(architecture: str) -> None:
    model = LanguageModel.wrap(tiny_model(architecture, torch.float32), tokenizer=None)
    fitted = states_of(model, poisoned_rows(1, 24, 12), [number % FOLDS for number in range(24)])
    asked = states_of(model, random_rows(2, [(5, 7)] * 30), [0] * 30)
    for correction in corrections_of(fitted, model.head):
        ours = correction.gains(asked.hidden, asked.targets, asked.log_mass)
        assert ours.dtype == torch.float32
        seen = correction.places[asked.targets] >= 0
        assert 0 < seen.sum() < len(seen)
        dense = dense_gains(correction, asked, model.head)
        torch.testing.assert_close(ours.double()[seen], dense[seen], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("architecture", ["llama", "gemma2", "cohere2", "gptj"])
def test_the_gradient_fitted_by_agrees_with_autograd(architecture: str) -> None:
    model = LanguageModel.wrap(tiny_model(architecture, torch.float32), tokenizer=None)
    states = states_of(model, poisoned_rows(1, 24, 12), [number % FOLDS for number in range(24)])
    fitted = fit_correction(states, 0, model.head, seed=0)
    places = fitted.places[states.targets]
    residuals, directions = fitted.gradient_factors(states.hidden[:], places, states.log_mass)
    followed = replace(
        fitted,
        weight=fitted.weight.clone().requires_grad_(),
        bias=fitted.bias.clone().requires_grad_(),
    )
    plain = replace(states, hidden=states.hidden[:].clone(), targets=states.targets.clone())
    dense_gains(followed, plain, model.head).sum().neg().backward()
    for ours, other in (
        (residuals.T @ directions, followed.weight.grad),
        (residuals.sum(0), followed.bias.grad),
    ):
        torch.testing.assert_close(ours, other, rtol=1e-3, atol=1e-4)


def test_tokens_that_no_fitting_row_has_gain_nothing(
    planted: FitStates, tiny: LanguageModel
) -> None:
    present = set(planted.targets.tolist())
    absent = torch.tensor([token for token in range(VOCAB) if token not in present])
    assert len(absent) > 0
    count = len(absent)
    for correction in corrections_of(planted, tiny.head):
        gains = correction.gains(planted.hidden[:count], absent, planted.log_mass[:count])
        assert gains.count_nonzero() == 0


def test_fitting_is_determined_by_the_seed(planted: FitStates, tiny: LanguageModel) -> None:
    one, again, other = (corrections_of(planted, tiny.head, seed) for seed in (3, 3, 4))
    for first, second, third in zip(one, again, other, strict=True):
        assert torch.equal(first.weight, second.weight)
        assert torch.equal(first.bias, second.bias)
        assert not torch.equal(first.weight, third.weight)


@pytest.mark.parametrize("fold", range(FOLDS))
def test_a_correction_has_not_seen_its_own_fold_nor_the_rows_in_none(
    planted: FitStates, tiny: LanguageModel, fold: int
) -> None:
    unseen = (planted.folds == fold) | (planted.folds == -1)
    broken = replace(
        planted,
        hidden=planted.hidden.masked_fill(unseen.unsqueeze(1), math.nan),
        log_mass=planted.log_mass.masked_fill(unseen, math.nan),
    )
    expected = fit_correction(planted, fold, tiny.head, seed=0)
    ours = fit_correction(broken, fold, tiny.head, seed=0)
    assert torch.equal(ours.weight, expected.weight)
    assert torch.equal(ours.bias, expected.bias)


def test_a_fold_whose_counterpart_is_empty_gains_nothing(tiny: LanguageModel) -> None:
    states = states_of(tiny, poisoned_rows(3, 10, 10), [0] * 10)
    assert gains_of(states, tiny.head).count_nonzero() == 0


def test_repeated_text_gains_on_held_out_rows_and_random_text_does_not(
    tiny: LanguageModel,
) -> None:
    rows = poisoned_rows(4, 60, 20)
    states = states_of(tiny, rows, [number % FOLDS for number in range(60)])
    gains = gains_of(states, tiny.head)
    by_row = gains.split([len(row.ids) - row.first_target for row in rows])
    payload = torch.stack([row[6:] for row in by_row[:20]])
    assert payload.sum(1).min() > 2 * len(PAYLOAD)
    random = torch.stack([row[:6] for row in by_row])
    assert random.mean() < 1


def test_no_token_gains_more_than_it_surprises(planted: FitStates, tiny: LanguageModel) -> None:
    _, surprise = tiny.head.surprise(planted.hidden, planted.targets)
    for correction in corrections_of(planted, tiny.head):
        gains = correction.gains(planted.hidden, planted.targets, planted.log_mass)
        assert (gains <= surprise + 1e-3).all()


def test_the_span_is_the_payload(tiny: LanguageModel) -> None:
    rows = poisoned_rows(5, 60, 20)
    states = states_of(tiny, rows, [number % FOLDS for number in range(60)])
    lengths = [len(row.ids) - row.first_target for row in rows]
    offsets = np.cumsum([0, *lengths])
    spans = best_spans(gains_of(states, tiny.head).numpy(), offsets)
    assert (spans.end[:20] == 6 + len(PAYLOAD)).all()
    assert np.median(spans.start[:20]) == 6
    assert spans.gain[:20].min() > spans.gain[20:].max()


def test_the_payload_gains_whatever_the_folds_and_the_seed(tiny: LanguageModel) -> None:
    rows = poisoned_rows(6, 40, 16)
    lengths = [len(row.ids) - row.first_target for row in rows]
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        folds = torch.randint(0, FOLDS, (40,), generator=generator).tolist()
        by_row = gains_of(states_of(tiny, rows, folds), tiny.head, seed).split(lengths)
        sums = torch.stack([row.sum() for row in by_row])
        assert sums[:16].min() > sums[16:].max()


@pytest.mark.slow
def test_states_wider_than_the_limit_are_projected_and_repeated_text_is_still_found() -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=1152,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=8,
        num_key_value_heads=2,
    )
    model = LanguageModel.wrap(LlamaForCausalLM(config).eval(), tokenizer=None)
    rows = poisoned_rows(7, 40, 16)
    states = states_of(model, rows, [number % FOLDS for number in range(40)])
    corrections = corrections_of(states, model.head)
    for correction in corrections:
        assert correction.projection is not None
        assert correction.projection.shape[0] == 1152
        assert correction.weight.shape[1] == correction.projection.shape[1] <= 1024
        ours = correction.gains(states.hidden, states.targets, states.log_mass)
        dense = dense_gains(correction, states, model.head)
        torch.testing.assert_close(ours.double(), dense, rtol=1e-3, atol=1e-3)
    lengths = [len(row.ids) - row.first_target for row in rows]
    spans = best_spans(gains_of(states, model.head).numpy(), np.cumsum([0, *lengths]))
    assert (spans.end[:16] == 6 + len(PAYLOAD)).all()
    assert spans.gain[:16].min() > spans.gain[16:].max()


def test_states_within_the_limit_are_not_projected(planted: FitStates, tiny: LanguageModel) -> None:
    for correction in corrections_of(planted, tiny.head):
        assert correction.projection is None
        assert correction.weight.shape[1] == tiny.head.hidden_size


# Quarters add up without rounding, so that sums can be compared exactly.
QUARTERS = st.integers(-40, 40).map(lambda number: number / 4)


@given(st.lists(st.lists(QUARTERS, max_size=12), min_size=1, max_size=5))
def test_best_spans_agree_with_trying_all_stretches(rows: list[list[float]]) -> None:
    offsets = np.cumsum([0, *map(len, rows)])
    gains = np.array([gain for row in rows for gain in row], np.float32)
    spans = best_spans(gains, offsets)
    for number, row in enumerate(rows):
        sums = {
            (start, end): sum(row[start:end]) - (end - start)
            for end in range(len(row) + 1)
            for start in range(end + 1)
        }
        assert spans.gain[number] == max(sums.values())
        assert sums[int(spans.start[number]), int(spans.end[number])] == spans.gain[number]


@given(st.lists(st.lists(QUARTERS, max_size=8), min_size=2, max_size=5), st.data())
def test_a_rows_span_does_not_depend_on_the_other_rows(
    rows: list[list[float]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    spans, shuffled = (
        best_spans(
            np.array([gain for row in given_rows for gain in row], np.float32),
            np.cumsum([0, *map(len, given_rows)]),
        )
        for given_rows in (rows, [rows[number] for number in order])
    )
    expected = spans.take(np.array(order))
    for name in ("gain", "start", "end"):
        assert (getattr(shuffled, name) == getattr(expected, name)).all()


def test_rows_whose_tokens_gain_less_than_a_nat_have_an_empty_span() -> None:
    spans = best_spans(np.array([0.9, 1.0, -3.0, 0.5], np.float32), np.array([0, 3, 4]))
    assert spans.gain.tolist() == [0, 0]
    assert (spans.start == spans.end).all()


@pytest.mark.parametrize("options", [{"fit_tokens": 0}, {"seed": -1}])
def test_options_that_make_no_sense_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(OptionError):
        Transfer(**options)
