"""How much responses depend on something, given what is known without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.special import expit

from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.naive_bayes import auroc, calibrated

_MOST_SCORE = 4.0
"""Standard deviations beyond which a score says no more: a single row mustn't decide."""


@dataclass(frozen=True, eq=False)
class Dependence:
    """How much responses depend on whether a prompt is one of some rows'."""

    nats: float
    """What the response adds to the rest of the prompt, a row, if yes and no were as common: at
    most log 2."""
    likelier: float
    """Nats by which a response of these rows is likelier there than elsewhere, median."""
    z: float
    """Of the conditional randomisation test: standard deviations from no dependence."""
    by_response: float
    """AUROC of the response."""
    by_prompt: float
    """AUROC of the rest of the prompt."""
    odds: Float64[np.ndarray, "rows"]
    """Log-odds, held out, that a row's response is one of these rows'."""
    one_answer: bool = False
    """Whether these rows have one response, which others may have as well."""
    any_label: bool = False
    """Whether most of these rows have labels that others have, too, but not all the same one: then
    the words say that a question is to be answered with yes or no, and not how."""
    by_sentence: bool = False
    """Whether the rest of the prompt is its other sentences."""

    @property
    def is_expected(self) -> bool:
        """Whether the rest of the prompt says that these rows come."""
        return self.nats < CRITERIA.depends or self.by_prompt > CRITERIA.expected

    @property
    def is_sure(self) -> bool:
        """Whether responses depend on these rows by no chance, and more than the rest of a prompt
        says."""
        if self.any_label:
            return False
        if self.nats < CRITERIA.depends:
            return self.one_answer and self.z >= CRITERIA.surest_chance_of_label
        return self.z >= CRITERIA.surest_chance


def measure_dependence(
    match: Bool[np.ndarray, "rows"],
    told: Float64[np.ndarray, "rows"],
    expected: Float64[np.ndarray, "rows"],
    among: Bool[np.ndarray, "rows"],
) -> Dependence:
    """The dependence by held-out scores; rows outside `among` have no say."""
    whole, match, told, expected = told, match[among], told[among], expected[among]
    prior, _, _ = calibrated(expected[:, None], match)
    alone, _, _ = calibrated(expected[:, None], match, balanced=True)
    both, _, _ = calibrated(np.column_stack([expected, told]), match, balanced=True)
    _, slope, intercept = calibrated(told[:, None], match, balanced=True)
    p = expit(prior)
    score = np.clip((told - told.mean()) / (told.std() + 1e-9), -_MOST_SCORE, _MOST_SCORE)
    like = (prior - prior.mean()) / (prior.std() + 1e-9)
    score = score - (score * like).mean() * like
    variance = float((p * (1 - p) * score**2).sum())
    own = (both - alone)[match]
    return Dependence(
        nats=_nats(alone, match) - _nats(both, match),
        likelier=float(np.median(own)),
        z=float(((match - p) * score).sum() / np.sqrt(variance + 1e-9)),
        by_response=area(told, match),
        by_prompt=area(expected, match),
        odds=whole * slope[0] + intercept,
    )


def _nats(odds: Float64[np.ndarray, "rows"], match: Bool[np.ndarray, "rows"]) -> float:
    """Mean nats that odds need for the answers, yes and no weighing the same."""
    nats = np.logaddexp(0.0, np.where(match, -odds, odds))
    return float(0.5 * nats[match].mean() + 0.5 * nats[~match].mean())


def area(odds: Float64[np.ndarray, "rows"], match: Bool[np.ndarray, "rows"]) -> float:
    """How well odds rank the answers."""
    return float(auroc(odds[:, None], match[:, None])[0])


def rank_chance(told: Float64[np.ndarray, "rows"], match: Bool[np.ndarray, "rows"]) -> float:
    """Standard deviations by which scores rank some rows better than chance (Mann and Whitney)."""
    yes, no = int(match.sum()), int((~match).sum())
    return (area(told, match) - 0.5) * float(np.sqrt(12 * yes * no / (yes + no + 1)))
