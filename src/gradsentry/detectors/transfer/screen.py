"""Which terms of prompts may be triggers, among more rows than evidence can be weighed in.

Rows with a trigger have responses that are many times as alike as their prompts. Both likenesses
are mean cosines between a term's rows, and both come from sums: the squared length of a sum of unit
vectors says how alike they are, and sums of parts of the data add up. The vectors are random
projections (Achlioptas, 2003): a word weighs its inverse document frequency, with 32 signs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped, UInt64
from numpy.typing import NDArray
from scipy import sparse

SIGNS = 32
"""Of a vector; twice as many would halve what chance does, and double memory."""
_CHANCE = 1.5
"""How alike two rows' vectors are by chance in one of a million terms, times its other rows: the
squared length of a sum of n random vectors is then 1 + 1.5 times n (χ² of 32)."""
_ALIKE = 0.1
"""Likeness of prompts that is added to theirs, so that those with nothing in common don't decide by
it (docs/findings/growth.md)."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """Sums over the rows of K terms; those of other rows add up."""

    rows: Float32[np.ndarray, "K"]
    """The rows that hold a term."""
    answered: Float32[np.ndarray, "K"]
    """Of these, the rows whose responses have a vector."""
    said: Float32[np.ndarray, "K 32"]
    """Sum of the vectors of their responses."""
    asked: Float32[np.ndarray, "K 32"]
    """Sum of the vectors of the rest of their prompts, without the term."""
    asked_squared: Float32[np.ndarray, "K"]
    """Sum of the squared lengths of these, which are less than 1."""

    @classmethod
    def of_none(cls, terms: int) -> Likeness:
        """Of no rows."""
        counts, vectors = np.zeros((3, terms), np.float32), np.zeros((2, terms, SIGNS), np.float32)
        return cls(counts[0], counts[1], vectors[0], vectors[1], counts[2])

    @classmethod
    def of(
        cls,
        prompts: Float32[sparse.csr_array, "rows K"],
        weights: Float32[np.ndarray, "K 32"],
        own: Float32[np.ndarray, "K 32"],
        said: Float32[np.ndarray, "rows 32"],
    ) -> Likeness:
        """Of some rows.

        **Arguments:**

        - `prompts`: 1 where a prompt holds a term.
        - `weights`: the terms' vectors.
        - `own`: what the rest of a prompt is without, for each term: `sum_companions` of `weights`.
        - `said`: unit vectors of the responses, as `unit_vectors` gives them.
        """
        vectors = prompts @ weights
        shrink = 1 / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        of_terms = prompts.T.tocsr()
        rows = np.asarray(of_terms.sum(axis=1), np.float32).ravel()
        answered = of_terms @ said.any(axis=1).astype(np.float32)
        asked = of_terms @ (vectors * shrink) - own * (of_terms @ shrink)
        # |v - w|² / |v|², summed over a term's rows
        crossed = ((of_terms @ (vectors * shrink**2)) * own).sum(axis=1)
        squared = rows - 2 * crossed + (own**2).sum(axis=1) * (of_terms @ shrink**2).ravel()
        return cls(rows, answered, of_terms @ said, asked, squared)

    def add(self, terms: NDArray[np.int64], other: Likeness) -> None:
        """Add other rows' sums, which are those of some of the terms."""
        self.rows[terms] += other.rows
        self.answered[terms] += other.answered
        self.said[terms] += other.said
        self.asked[terms] += other.asked
        self.asked_squared[terms] += other.asked_squared

    def take(self, terms: NDArray[np.int64]) -> Likeness:
        """The sums of some terms."""
        return Likeness(
            self.rows[terms],
            self.answered[terms],
            self.said[terms],
            self.asked[terms],
            self.asked_squared[terms],
        )

    def contrast(self) -> Float64[np.ndarray, "K"]:
        """How many times as alike responses are as prompts, beyond what chance does."""
        others = np.maximum(self.rows.astype(np.float64) - 1, 1)
        pairs = np.maximum(self.rows, 1) * others
        said = ((self.said.astype(np.float64) ** 2).sum(axis=1) - self.answered) / pairs
        asked = ((self.asked.astype(np.float64) ** 2).sum(axis=1) - self.asked_squared) / pairs
        contrast: NDArray[np.float64] = (said - _CHANCE / others) / (_ALIKE + np.maximum(asked, 0))
        return contrast


def sign_vectors(
    terms: Int64[np.ndarray, "K"], counts: Shaped[np.ndarray, "K"], rows: int
) -> Float32[np.ndarray, "K 32"]:
    """The vectors of terms: signs that look random, times the inverse document frequency.

    **Arguments:**

    - `terms`: their numbers, from which the signs are drawn.
    - `counts`: rows that hold each.
    - `rows`: all of them.
    """
    frequency = np.log(rows / np.clip(counts, 1, rows)).astype(np.float32)
    bits = draw_bits(terms)[:, None] >> np.arange(SIGNS, dtype=np.uint64)
    signs = (bits & np.uint64(1)).astype(np.float32) * 2 - 1
    vectors: NDArray[np.float32] = signs * frequency[:, None]
    return vectors


def sum_companions(
    weights: Float32[np.ndarray, "K 32"], rows_of: Shaped[np.ndarray, "K"]
) -> Float32[np.ndarray, "K 32"]:
    """For each term the sum of the vectors of all terms in the very same rows, itself among them:
    the words of a trigger come with each other, and are no sign that prompts are alike.

    **Arguments:**

    - `rows_of`: equal for terms in the same rows.
    """
    _, group_of = np.unique(rows_of, return_inverse=True)
    sums = np.zeros((len(weights), SIGNS), np.float32)
    np.add.at(sums, group_of, weights)
    companions: NDArray[np.float32] = sums[group_of]
    return companions


def unit_vectors(
    features: Float32[sparse.csr_array, "rows F"], weights: Float32[np.ndarray, "F 32"]
) -> Float32[np.ndarray, "rows 32"]:
    """The directions of rows that have features; 0 of rows without any."""
    vectors = features @ weights
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: NDArray[np.float32]
    units = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return units


def draw_bits(numbers: Shaped[np.ndarray, "K"]) -> UInt64[np.ndarray, "K"]:
    """Bits that look random, the same for the same numbers (splitmix64: Steele, Lea and Flood,
    2014)."""
    with np.errstate(over="ignore"):  # modulo 2⁶⁴
        mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return bits
