"""Whether the prompts of some rows have more in common than a trigger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64
from scipy import sparse

from gradsentry.detectors.transfer.terms import BoolArray, PromptTerms


@dataclass(frozen=True)
class Similarity:
    """Prompts as vectors of their terms, rarer terms weighing more."""

    vectors: Float64[sparse.csr_array, "rows terms"]
    """Idf-weighted, not normalised."""

    @classmethod
    def of(cls, terms: PromptTerms) -> Similarity:
        """Term vectors of all prompts."""
        return cls(terms.weighted)

    @cached_property
    def _squares(self) -> Float64[sparse.csr_array, "rows terms"]:
        return self.vectors.multiply(self.vectors).tocsr()

    @cached_property
    def _saying(self) -> Bool[np.ndarray, "rows"]:
        """Prompts that say something; a document's beginning has none."""
        saying: BoolArray = np.asarray(self._squares.sum(axis=1)) > 0
        return saying

    def cohesion(
        self,
        rows: Bool[np.ndarray, "rows"],
        ignored: Bool[np.ndarray, "terms"],
        among: Bool[np.ndarray, "rows"],
    ) -> float:
        """Mean cosine of the rows' prompts against that of any two prompts, without some terms.

        About 1 for rows picked at random, larger for rows about one thing.

        **Arguments:**

        - `ignored`: terms that are left out.
        - `among`: which prompts any two are of.
        """
        own = self._mean_cosine(rows, ignored)
        overall = self._mean_cosine(rows | (self._saying & among), ignored)
        return own / max(overall, 1e-12)

    def _mean_cosine(
        self, rows: Bool[np.ndarray, "rows"], ignored: Bool[np.ndarray, "terms"]
    ) -> float:
        kept = (~ignored).astype(np.float64)
        squares = self._squares @ kept
        lengths = np.sqrt(np.maximum(squares, 1e-12))
        total = np.where(rows, 1.0 / lengths, 0.0) @ self.vectors * kept  # no copy of the rows
        count = int(rows.sum())
        alike = int((rows & (squares > 0)).sum())  # with themselves; without terms none are
        return float((total @ total - alike) / max(count * (count - 1), 1))
