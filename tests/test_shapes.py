"""The shapes in the signatures of the mathematics, held against arrays."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from beartype import beartype
from jaxtyping import TypeCheckError, jaxtyped
from scipy import sparse

from gradsentry.detectors.graceful import block_products, principal_components
from gradsentry.detectors.perplexity import perplexity_scores
from gradsentry.detectors.points import last_hidden
from gradsentry.detectors.spectral import (
    Spectral,
    gradient_singular_values,
    spectral_entropy,
    spectral_scores,
)
from gradsentry.detectors.transfer.correction import Correction
from gradsentry.detectors.transfer.naive_bayes import auroc, calibrated, held_out_odds
from gradsentry.models import OutputHead, TargetStates
from gradsentry.thresholds import kde_valley

# All different, so that no two can be mistaken for each other.
ROWS, TARGETS, SIZE, VOCAB, WIDTH, QUESTIONS, FEATURES = 3, 7, 12, 40, 5, 2, 6

draw = torch.Generator().manual_seed(0)
numbers = np.random.default_rng(0)
narrow = torch.randn(VOCAB, SIZE, generator=draw).bfloat16()
head = OutputHead(narrow.float(), None, scale=1.0, softcap=None, narrow=narrow)
hidden = torch.randn(TARGETS, SIZE, generator=draw)
targets = torch.arange(TARGETS)
log_mass = torch.full((TARGETS,), 9.0)
states = TargetStates(hidden, targets, torch.tensor([4, 2, 1]))
correction = Correction(
    head,
    places=torch.arange(VOCAB),
    projection=torch.randn(SIZE, WIDTH, generator=draw),
    weight=torch.randn(VOCAB, WIDTH, generator=draw),
    bias=torch.randn(VOCAB, generator=draw),
)
residuals_of_rows = torch.randn(ROWS, TARGETS, VOCAB, generator=draw)
hidden_of_rows = torch.randn(ROWS, TARGETS, SIZE, generator=draw)
factors = numbers.random((TARGETS, VOCAB + SIZE), np.float32)
counts = np.array([4, 2, 1])
folds = np.arange(60) % 5
asked = numbers.random((60, QUESTIONS)) < 0.5
features = sparse.csr_array((numbers.random((60, FEATURES)) < 0.5).astype(np.float64))
odds = numbers.random((60, QUESTIONS))

CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (OutputHead.logits, (head, hidden)),
    (OutputHead.surprise, (head, hidden, targets)),
    (OutputHead.residuals, (head, hidden, targets, 9)),
    (OutputHead.residuals, (head, hidden, targets, VOCAB)),
    (Correction.gains, (correction, hidden, targets, log_mass)),
    (Correction.gradient_factors, (correction, hidden, targets, log_mass)),
    (spectral_scores, (states, head, Spectral(crop=2, singular_values=4))),
    (gradient_singular_values, (residuals_of_rows, hidden_of_rows)),
    (gradient_singular_values, (residuals_of_rows, hidden_of_rows[..., :WIDTH])),
    (spectral_entropy, (hidden_of_rows, 4)),
    (perplexity_scores, (states, head)),
    (last_hidden, (states,)),
    (block_products, (factors, counts, SIZE)),
    (principal_components, (odds @ odds.T, 4)),
    (held_out_odds, (sparse.csr_array(asked.astype(np.float64)), features, folds)),
    (auroc, (odds, asked)),
    (auroc, (odds[:, :1], asked)),
    (calibrated, (odds, asked[:, 0])),
    (kde_valley, (odds[:, 0],)),
]


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that raises an error where arrays aren't of the shapes in its signature."""
    # Of what torch's decorators make of a function, the names in its annotations aren't known.
    return jaxtyped(inspect.unwrap(function), typechecker=beartype)


@pytest.mark.parametrize(
    ("function", "arguments"), CASES, ids=[function.__qualname__ for function, _ in CASES]
)
def test_arrays_are_of_the_shapes_in_signatures(
    function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    checked(function)(*arguments)


def test_arrays_of_other_shapes_and_types_are_seen() -> None:
    with pytest.raises(TypeCheckError, match="parameter 'targets'"):
        checked(OutputHead.surprise)(head, hidden, targets[1:])
    with pytest.raises(TypeCheckError, match="parameter 'asked'"):
        checked(auroc)(odds, asked.astype(np.float64))
    with pytest.raises(TypeCheckError, match="return value"):
        checked(last_hidden)(TargetStates(hidden.unsqueeze(-1), targets, states.counts))
