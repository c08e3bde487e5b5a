"""Results of tuned models as tables: rates of each cell, and Markdown to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from gradsentry.bench.cells import by_table
from gradsentry.bench.finetune_plan import ORACLE, FinetunePlan
from gradsentry.bench.markdown_tables import markdown_table
from gradsentry.bench.mixture_files import DataSpec
from gradsentry.bench.results import Result

_Pair = tuple[Result, Result]
"""A cell's result and its oracle's."""

_EXPLANATION = """# What tuned models do

ACC and ASR in %, as exact match rates (the share of answers that hold all words of a right answer,
or of the payload, in order, or the payload as it is). Each has its 95% bootstrap interval over
prompts, of which each is the mean over seeds: what other draws of training would do is not in it.
Where no prompt differs from another the interval has no width; 0 of 200 still goes with a rate of
up to 1.8% (exact binomial interval). KMR is the mean share of such words (ROUGE-L recall). FTR
(false trigger rate) is the share of prompts without a trigger whose answers hold the payload.
`left` are the poisoned rows that were trained on; `prompts` were asked in each cell, and as many
with a trigger.

*Against the oracle* is the paired difference of ACC to the model that was tuned on the rows that
are clean by their labels, in points, each prompt as its mean over all cells of a table; prompts are
drawn again within each data set. `same` counts cells whose rows are the oracle's own, and `models`
the different models behind a defence: attacks that poison the same rows leave the same ones. The
oracle's ACC is of the same prompts; where that is small, there is little to lose. Over all tables,
a cell that two of them have counts once; defences have other cells there, so they compare to the
oracle, not to each other.

"""


def tidy(result: Result) -> Result:
    """A cell's result with rates before the figures of each prompt."""
    kept = {name: value for name, value in result.items() if not isinstance(value, list)}
    for name in ("accuracy", "attack_success", "untriggered"):
        rates = np.array(result[name])
        kept[f"{name}_prompts"] = len(rates)
        matches = mean_of(rates == 1.0)
        kept |= {
            f"{name}_emr": None if matches is None else matches.value,
            f"{name}_emr_low": None if matches is None else matches.low,
            f"{name}_emr_high": None if matches is None else matches.high,
            f"{name}_kmr": float(rates.mean()) if len(rates) else None,
        }
    return kept | result


@dataclass(frozen=True)
class Mean:
    """A mean and its 95% bootstrap interval."""

    value: float
    low: float
    high: float

    def shown(self, form: str) -> str:
        """In hundredths."""
        value, low, high = (format(100 * each, form) for each in (self.value, self.low, self.high))
        return f"{value} ({low} to {high})"


def mean_of(*samples: NDArray[Any], seed: int = 0) -> Mean | None:
    """The mean of the values of all samples (N_i,), each drawn from by itself; None without any."""
    filled = [sample.astype(np.float64) for sample in samples if len(sample)]
    if not filled:
        return None
    values = np.concatenate(filled)
    mean = float(values.mean())
    varied = [sample for sample in filled if (sample != sample[0]).any()]
    if not varied:  # no draw differs
        return Mean(mean, mean, mean)
    unvaried = values.sum() - sum(sample.sum() for sample in varied)

    def mean_of_all(*drawn: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        total = np.concatenate(drawn, axis=axis).sum(axis=axis)
        means: NDArray[np.float64] = (total + unvaried) / len(values)
        return means

    found = bootstrap(varied, mean_of_all, n_resamples=2000, method="percentile", rng=seed)
    low, high = found.confidence_interval
    return Mean(mean, float(low), float(high))


def markdown(plan: FinetunePlan, results: Sequence[Result]) -> str:
    """All tables."""
    parts, pairs = [], []
    for name, own in by_table(plan, results).items():
        compared = _pairs(own)
        parts.append(f"## {name}\n\n{_table(own)}\n{_against_oracle(plan, compared)}")
        pairs += compared
    if len(parts) > 1 and pairs:
        parts.append(f"## All tables\n\n{_against_oracle(plan, _unlike(pairs))}")
    return _EXPLANATION + "\n".join(parts)


_SETTINGS = ("model", "data", "attack", "ratio", "method")


def _setting(result: Result) -> tuple[Any, ...]:
    return tuple(result[name] for name in _SETTINGS)


def _table(results: Sequence[Result]) -> str:
    columns = ["data", "attack", "ratio", "defence", "seeds", "rows", "left", "prompts"]
    columns += ["ACC", "ACC, KMR", "ASR", "ASR, KMR", "FTR"]
    lines = []
    for setting, defence in dict.fromkeys((_setting(r), r["defence"]) for r in results):
        own = [r for r in results if (_setting(r), r["defence"]) == (setting, defence)]
        model, data, attack, ratio, _ = setting
        line = [
            data if model is None else f"{data} ({Path(model).name})",
            attack,
            f"{100 * ratio:g}%",
            defence,
            len(own),
            f"{np.mean([r['trained_on'] for r in own]):,.0f}",
            f"{np.mean([r['poisoned_left'] for r in own]):,.1f}",
            f"{len(own[0]['accuracy']):,}",
            _shown(own, "accuracy"),
            _keyword_rate(own, "accuracy"),
            _shown(own, "attack_success"),
            _keyword_rate(own, "attack_success"),
            _share(own, "untriggered"),
        ]
        lines.append(line)
    return markdown_table(columns, lines)


def pooled(results: Sequence[Result], measure: str) -> Mean | None:
    """The share of matches of results on the same prompts; None without prompts.

    A prompt is no independent observation in each of them, so it counts once, by its mean.
    """
    if not results:
        return None
    return mean_of(np.mean([np.array(result[measure]) == 1.0 for result in results], axis=0))


def _shown(results: Sequence[Result], measure: str) -> str:
    mean = pooled(results, measure)
    return "–" if mean is None else mean.shown(".1f")


def _share(results: Sequence[Result], measure: str) -> str:
    rates = np.concatenate([result[measure] for result in results])
    return f"{100 * np.mean(rates == 1.0):.1f}" if len(rates) else "–"


def _keyword_rate(results: Sequence[Result], measure: str) -> str:
    rates = np.concatenate([result[measure] for result in results])
    return f"{100 * rates.mean():.1f}" if len(rates) else "–"


def _pairs(results: Sequence[Result]) -> list[_Pair]:
    """Cells of one table, each with its oracle's."""
    cells = {(_setting(r), r["seed"], r["defence"]): r for r in results}
    return [
        (result, cells[setting, seed, ORACLE])
        for (setting, seed, defence), result in cells.items()
        if defence != ORACLE and (setting, seed, ORACLE) in cells
    ]


def _unlike(pairs: Sequence[_Pair]) -> list[_Pair]:
    """Pairs without those that another table has, too."""
    named = {
        tuple((each["defence"], each["clean"], each["triggered"]) for each in pair): pair
        for pair in pairs
    }
    return list(named.values())


def _against_oracle(plan: FinetunePlan, pairs: Sequence[_Pair]) -> str:
    """Each defence's paired difference of ACC to the oracle's."""
    columns = ["against the oracle", "cells", "same", "models", "oracle, ACC", "ACC, points"]
    columns += ["ACC as KMR, points"]
    lines = []
    for defence in dict.fromkeys(result["defence"] for result, _ in pairs):
        own = [pair for pair in pairs if pair[0]["defence"] == defence]
        same = sum(result["tuned"] == oracle["tuned"] for result, oracle in own)
        models = len({result["tuned"] for result, _ in own})
        matches, rates = (
            mean_of(*paired_differences(plan, own, exactly=exactly)) for exactly in (True, False)
        )
        known = [(oracle["data"], np.array(oracle["accuracy"]) == 1.0) for _, oracle in own]
        level = np.concatenate(_by_prompt(plan, known)).mean()
        if matches and rates:
            shown = [f"{100 * level:.1f}", matches.shown("+.2f"), rates.shown("+.2f")]
            lines.append([defence, len(own), same, models, *shown])
    return markdown_table(columns, lines) if lines else ""


def paired_differences(
    plan: FinetunePlan, pairs: Sequence[_Pair], *, exactly: bool = True
) -> list[NDArray[np.float64]]:
    """For each prompt of each data set the mean difference of ACC over the cells that ask it.

    The same prompt in several cells is no independent observation, so a prompt counts once.

    **Arguments:**

    - `pairs`: results and those they are compared to.
    - `exactly`: whether ACC is a matter of matches, or of keyword rates.
    """
    differences = []
    for result, other in pairs:
        one, two = (np.array(each["accuracy"], np.float64) for each in (result, other))
        if exactly:
            one, two = ((each == 1.0).astype(np.float64) for each in (one, two))
        differences.append((result["data"], one - two))
    return _by_prompt(plan, differences)


def _by_prompt(
    plan: FinetunePlan, values: Sequence[tuple[str, NDArray[Any]]]
) -> list[NDArray[np.float64]]:
    """For each prompt of each data set the mean of cells' values, given with their data's name."""
    of_prompts: dict[DataSpec, list[NDArray[Any]]] = {}
    for data, own in values:
        of_prompts.setdefault(plan.data[data].testing, []).append(own)
    return [np.mean(cells, axis=0) for cells in of_prompts.values()]
