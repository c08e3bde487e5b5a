"""How often the transfer detector called clean data poison, as measured."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binomtest


@dataclass(frozen=True)
class FalseAlarms:
    """Scans of clean data, and how many of them named a group of poison."""

    draws: int
    called_poison: int
    data_sets: int
    """That the draws come from; draws of one data set share rows."""
    fewest_rows: int
    most_rows: int

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95% interval (Clopper and Pearson) of the rate."""
        found = binomtest(self.called_poison, self.draws).proportion_ci(0.95, "exact")
        return float(found.low), float(found.high)

    @property
    def in_words(self) -> str:
        """A sentence for the verdict."""
        low, high = self.interval
        return (
            f"Measured with the default model: of {self.draws} clean draws of "
            f"{self.fewest_rows:,} to {self.most_rows:,} rows from {self.data_sets} data sets, "
            f"{self.called_poison} had a group called poison (95% interval {low:.1%} to "
            f"{high:.1%})."
        )


MEASURED = FalseAlarms(draws=116, called_poison=2, data_sets=24, fewest_rows=135, most_rows=2000)
"""`benchmarks/detection.py DATA CACHE draw/...`; see docs/findings/verdicts.md."""
